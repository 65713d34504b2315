"""The vendor's names, for editors: at run time all of this comes from the schema of the loaded library.

An installed tidewire has ``wire.pyi`` beside this file, made from the schemas by ``tools/ctp_stubs.py``, which spells
out every struct, field, method and callback. Its structs may be named in annotations that are not run::

    if TYPE_CHECKING:
        from tidewire.ctp.wire import DepthMarketData
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["MdMethods", "MdSpi", "Names", "TraderMethods", "TraderSpi"]


class MdSpi:
    """Base for listeners to market data: override the callbacks that you want, by the vendor's names.

    Deriving is for editors; any object with such methods will do, and what it does not have costs nothing.
    """


class TraderSpi:
    """Base for listeners to trading: override the callbacks that you want, by the vendor's names.

    Deriving is for editors; any object with such methods will do, and what it does not have costs nothing.
    """


class Names:
    """The structs, enumerations and constants of a loaded version."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class MdMethods:
    """The methods of ``CThostFtdcMdApi`` that take requests."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class TraderMethods:
    """The methods of ``CThostFtdcTraderApi`` that take requests."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
