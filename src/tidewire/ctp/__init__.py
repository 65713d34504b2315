"""Chinese futures through CTP.

The vendor's library is never part of tidewire: it is found in ``TIDEWIRE_CTP_PATH`` or in an installed package that
carries it. Verified on Linux x86-64; not verified on Windows and macOS, where every library is reported as not
loadable.
"""

from __future__ import annotations

from .api import Ctp, MdApi, ResumeType, TraderApi, load
from .library import Library, find_libraries
from .wire import MdSpi, TraderSpi

__all__ = ["Ctp", "Library", "MdApi", "MdSpi", "ResumeType", "TraderApi", "TraderSpi", "find_libraries", "load"]
