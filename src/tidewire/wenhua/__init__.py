"""Wenhua (文华财经): the bar files that its terminals keep, and what users export from them. Read-only, no network.

Not affiliated with Wenhua. The layouts are community knowledge, unverified here. Live data and orders go through CTP.
"""

from __future__ import annotations

from .catalogue import Listing
from .dat import read_dat, write_dat
from .exports import read_csv, write_csv
from .install import DataFile, Install, open_install
from .layouts import LAYOUTS, Layout, WenhuaFormatError
from .official import Official, OfficialBar, OfficialHistory, official
from .watch import Watch, watch

__all__ = [
    "LAYOUTS",
    "DataFile",
    "Install",
    "Layout",
    "Listing",
    "Official",
    "OfficialBar",
    "OfficialHistory",
    "Watch",
    "WenhuaFormatError",
    "official",
    "open_install",
    "read_csv",
    "read_dat",
    "watch",
    "write_csv",
    "write_dat",
]
