"""Binance: spot and USD-M futures.

See: https://developers.binance.com/docs/binance-spot-api-docs and
https://developers.binance.com/docs/derivatives/usds-margined-futures
"""

from .rest import Binance

VENUE = Binance

__all__ = ["VENUE", "Binance"]
