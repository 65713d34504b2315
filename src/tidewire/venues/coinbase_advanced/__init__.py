"""Coinbase Advanced Trade: spot.

See: https://docs.cdp.coinbase.com/advanced-trade/docs/welcome
"""

from .rest import CoinbaseAdvanced

VENUE = CoinbaseAdvanced

__all__ = ["VENUE", "CoinbaseAdvanced"]
