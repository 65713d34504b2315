"""Coinbase Exchange, formerly Pro and GDAX: spot.

See: https://docs.cdp.coinbase.com/exchange
"""

from .rest import Coinbase

VENUE = Coinbase

__all__ = ["VENUE", "Coinbase"]
