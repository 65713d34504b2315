"""What every client of the recorded venue does alike: wait for the start, note when frames arrived, tell the result.

Standard library only: the clients run in environments of their own.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from array import array
from collections.abc import Iterable

__all__ = ["Lap", "ports"]

Levels = Iterable[tuple[float, float]]


def ports() -> tuple[int, int]:
    """REST and stream port, from the command line; from here on this process keeps to the last core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return int(sys.argv[1]), int(sys.argv[2])


class Lap:
    """One run. ``lead`` is the number at which the book is ready, ``last`` the one at which it has everything.

    Processor time is taken: the frames wait in the socket, so that on a machine of its own it is the time that passes.
    """

    def __init__(self, rest_port: int) -> None:
        self._base = f"http://127.0.0.1:{rest_port}"
        self.lead, self.last = map(int, sys.argv[3:5])
        self._began = self._took = 0.0
        self.numbers, self.times = array("q"), array("q")

    def go(self) -> None:
        """Have the frames sent, from now on."""
        urllib.request.urlopen(f"{self._base}/go").read()
        self._began = time.process_time()

    def mark(self, number: int) -> None:
        """Note that the frame with this number has been taken."""
        self.times.append(time.monotonic_ns())
        self.numbers.append(number)

    def stop(self) -> None:
        """Everything has been taken."""
        self._took = time.process_time() - self._began

    def tell(self, version: str, bids: Levels, asks: Levels) -> None:
        """Print the result for the benchmark: seconds, the best levels, and the marks if there are any."""
        sides = [[[float(price), float(quantity)] for price, quantity in side] for side in (bids, asks)]
        marks = [list(self.numbers), list(self.times)]
        print(json.dumps({"took": self._took, "version": version, "sides": sides, "marks": marks}))
