"""HTX, formerly Huobi: spot and USDT-margined swaps.

See: https://www.htx.com/en-us/opend/newApiPages/ and https://huobiapi.github.io/docs/spot/v1/en/
"""

from .trading import Htx

VENUE = Htx

__all__ = ["VENUE", "Htx"]
