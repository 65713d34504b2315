"""OKX v5: spot, linear perpetual swaps and linear dated futures.

See: https://www.okx.com/docs-v5/en/
"""

from .rest import OKX

VENUE = OKX

__all__ = ["OKX", "VENUE"]
