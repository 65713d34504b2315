"""An independent writer of Wenhua's files: by struct, as publicly described, without a line of the package's."""

from __future__ import annotations

import random
import struct
from datetime import date, timedelta

import numpy as np

from tidewire.futures import Calendar

CALENDAR = Calendar()
EIGHT_HOURS = 8 * 3600


def minutes(code="rb", first=date(2026, 11, 17), days=3):
    """Beginnings of the minutes of some trading days, in China."""
    day, found = first, []
    for _ in range(days):
        for session in CALENDAR.sessions(code, day):
            found += [session.start + timedelta(minutes=n) for n in range(session.minutes)]
        day = CALENDAR.next(day)
    return found


def walk(moments, seed=7, tick=1.0, start=3000):
    """Rows of (moment, open, high, low, close, volume, open interest)."""
    source, price, rows, interest = random.Random(seed), start, [], 100_000
    for moment in moments:
        close = max(10, price + source.randint(-3, 3))
        high, low = max(price, close) + source.randint(0, 2), min(price, close) - source.randint(0, 2)
        interest += source.randint(-50, 50)
        rows.append((moment, price * tick, high * tick, low * tick, close * tick, source.randint(0, 900), interest))
        price = close
    return rows


def independent(rows, layout="intraday", *, local=False, end_s=0, count=None, unknown=1.5):
    """The file's bytes; its header counts ``count`` records, by default those that there are."""
    out = bytearray()
    if layout in ("intraday", "counted-28", "counted-32"):
        out += struct.pack("<I", len(rows) if count is None else count)
    for moment, open_, high, low, close, volume, interest in rows:
        stamp = int(moment.timestamp()) + (EIGHT_HOURS if local else 0) + end_s
        out += struct.pack("<I4f2f", stamp, open_, close, high, low, volume, interest)
        if layout in ("intraday", "headless-36"):
            out += struct.pack("<2f", 0.0, unknown)
        elif layout in ("headless-32", "counted-32"):
            out += struct.pack("<f", 0.0)
        elif layout == "daily":
            out += struct.pack("<f5s", close, b"\x01\x02\x03\x04\x05")
    return bytes(out)


def assert_same(bars, rows):
    klines = bars.klines
    assert klines.open_time.tolist() == [int(row[0].timestamp()) * 10**9 for row in rows]
    for index, column in enumerate((klines.open, klines.high, klines.low, klines.close, klines.volume), 1):
        np.testing.assert_array_equal(column, np.array([row[index] for row in rows], float))
    np.testing.assert_array_equal(bars.open_interest, np.array([row[6] for row in rows], float))
