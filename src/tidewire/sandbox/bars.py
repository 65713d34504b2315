"""Klines read off a price path: any interval, any window, always the same answer for a bar that has closed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from .._dialect import Bar
from ..models import Instrument
from ..symbols import Interval
from .listings import LISTED_NS
from .path import MINUTE_NS, Floats, Ints, PricePath

__all__ = ["bars_of", "open_times"]

_TRADES_A_MINUTE = 40


def open_times(interval: Interval, start: int | None, end: int | None, limit: int, now_ns: int) -> list[int]:
    """Open times in ``[start, end)`` of bars that have begun: the oldest ``limit`` after a start, else the newest."""
    stop = min(now_ns + 1, now_ns + 1 if end is None else end)
    times: list[int] = []
    if start is not None:
        first = max(start, LISTED_NS)
        time = interval.floor(first)
        time = time if time >= first else interval.next(time)
        while time < stop and len(times) < limit:
            times.append(time)
            time = interval.next(time)
        return times
    time = interval.floor(stop - 1)
    while time >= LISTED_NS and len(times) < limit:
        times.append(time)
        time = interval.floor(time - 1)
    return times[::-1]


def bars_of(
    path: PricePath, instrument: Instrument, interval: Interval, opens: Sequence[int], now_ns: int
) -> list[Bar]:
    """Bars that open at consecutive ``opens``; the last may still be forming."""
    if not opens:
        return []
    edges = np.array([*opens, interval.next(opens[-1])], np.int64)
    reached: Ints = np.minimum(edges, now_ns)
    unit = interval.ns
    prices = _second_bars(path, reached) if unit is not None and unit < MINUTE_NS else _minute_bars(path, edges, now_ns)
    tick, lot = instrument.tick_size, instrument.lot_size
    rows = [np.rint(column / float(tick)).astype(np.int64).tolist() for column in prices]
    volume = path.volume_until(reached)
    lots = np.diff(np.floor(volume / float(lot))).astype(np.int64).tolist()
    counts = np.diff(np.floor(volume / path.turnover * _TRADES_A_MINUTE)).astype(np.int64).tolist()
    bars = []
    for i, (o, h, low, c) in enumerate(zip(*rows, strict=True)):
        quantity = lot * lots[i]
        mean = tick * (o + h + low + c) / 4
        share = Decimal(40 + opens[i] // 10**9 * 7919 % 21) / 100
        taker = (quantity * share) // lot * lot
        bars.append(
            Bar(
                open_ns=opens[i],
                end_ns=int(edges[i + 1]),
                open=tick * o,
                high=tick * h,
                low=tick * low,
                close=tick * c,
                volume=quantity,
                quote_volume=quantity * mean,
                trades=counts[i],
                taker_volume=taker,
                taker_quote_volume=taker * mean,
                closed=int(edges[i + 1]) <= now_ns,
            )
        )
    return bars


def _minute_bars(path: PricePath, edges: Ints, now_ns: int) -> tuple[Floats, Floats, Floats, Floats]:
    first, last = int(edges[0]) // MINUTE_NS, min(int(edges[-1]), now_ns) // MINUTE_NS
    knots = path.minutes(first, last)
    above, below = path.wicks(first, last)
    opens, closes = knots[:-1], knots[1:]
    highs, lows = np.maximum(opens, closes) * above, np.minimum(opens, closes) * below
    if int(edges[-1]) > now_ns:  # the minute that is forming: what has been seen of it so far
        seen = path.sample(np.append(np.arange(last * MINUTE_NS, now_ns, 10**9), now_ns))
        opens, closes = np.append(opens, knots[-1]), np.append(closes, seen[-1])
        highs, lows = np.append(highs, seen.max()), np.append(lows, seen.min())
    index = edges[:-1] // MINUTE_NS - first
    finals = np.append(index[1:], len(closes)) - 1
    return opens[index], np.maximum.reduceat(highs, index), np.minimum.reduceat(lows, index), closes[finals]


def _second_bars(path: PricePath, edges: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    knots = path.sample(edges)
    opens, closes = knots[:-1], knots[1:]
    return opens, np.maximum(opens, closes), np.minimum(opens, closes), closes
