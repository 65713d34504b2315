"""A price path that exists at every moment: the same seed and time always give the same price, volume and klines.

Log price is a fractal: at each of eleven scales, from two years down to a minute, hashed values at equally spaced
knots are joined by straight lines and added up. Knots of one scale are knots of all finer ones, so a range of minutes
costs time proportional to its length however far back it lies. Below a minute a bridge adds movement that vanishes on
full minutes. Volume is the difference of one ever-growing function, so klines of different lengths agree.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import numpy.typing as npt

__all__ = ["MINUTE_NS", "CrossPath", "PricePath"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MINUTE_NS = 60 * 10**9
_RATIO, _SCALES = 4, 11
_YEAR_MINUTES = 365.25 * 1440
_BRIDGE = 0.0004  # relative size of movement within a minute


class PricePath:
    """Price and traded volume of one market as functions of time. Immutable; safe from any thread.

    ``reference`` is the price around which the path wanders with ``volatility`` a year; ``turnover`` the mean base
    volume a minute.
    """

    def __init__(self, seed: int, name: str, reference: float, turnover: float, volatility: float = 0.6) -> None:
        self._key = (seed * 0x9E3779B97F4A7C15 + zlib.crc32(name.encode())) & (2**64 - 1)
        self._log_reference = math.log(reference)
        self.turnover = turnover
        spans = [_RATIO**scale for scale in range(_SCALES)]
        self._amplitudes = [0.8 * volatility * math.sqrt(span / _YEAR_MINUTES) for span in spans]

    def at(self, time_ns: int) -> float:
        """Price at a moment."""
        return float(self.sample(np.array([time_ns], np.int64))[0])

    def sample(self, times_ns: Ints) -> Floats:
        """Prices at moments that lie close together."""
        minutes = times_ns // MINUTE_NS
        first = int(minutes.min())
        knots = self.log_minutes(first, int(minutes.max()) + 1)
        index = minutes - first
        fraction = (times_ns - minutes * MINUTE_NS) / MINUTE_NS
        line = knots[index] * (1 - fraction) + knots[index + 1] * fraction
        return np.exp(line + _BRIDGE * np.sin(np.pi * fraction) * self._lines(times_ns, 10**9, salt=101))

    def minutes(self, first: int, last: int) -> Floats:
        """Prices on the full minutes ``first`` to ``last`` of the epoch, both included."""
        return np.exp(self.log_minutes(first, last))

    def log_minutes(self, first: int, last: int, scale: int = 0) -> Floats:
        """Logarithms of ``minutes``, by the scales from the coarsest down to one."""
        index = np.arange(first, last + 1)
        own = self._amplitudes[scale] * self._hash(index, scale)
        if scale == _SCALES - 1:
            return own + self._log_reference
        low = first // _RATIO
        coarse = self.log_minutes(low, last // _RATIO + 1, scale + 1)
        knot, rest = index // _RATIO - low, (index % _RATIO) / _RATIO
        return np.asarray(own + coarse[knot] * (1 - rest) + coarse[knot + 1] * rest)

    def wicks(self, first: int, last: int) -> tuple[Floats, Floats]:
        """Factors (above and below one) by which the minutes in ``[first, last)`` exceed their opens and closes."""
        index = np.arange(first, last)
        reach = [1.02 * _BRIDGE * (1 + np.abs(self._hash(index, salt))) for salt in (102, 103)]
        return np.exp(reach[0]), np.exp(-reach[1])

    def volume_until(self, times_ns: Ints) -> Floats:
        """Base volume traded from the epoch until each moment; differences are volumes of klines."""
        minutes = times_ns / MINUTE_NS
        for share, span, salt in ((0.16, 1, 104), (0.16, 60, 105), (0.16, 1440, 106)):
            minutes = minutes + share * span * self._lines(times_ns, span * MINUTE_NS, salt)
        return self.turnover * minutes

    def noise(self, time_ns: int, period_ns: int, salt: int) -> float:
        """A slow signal in [-1, 1], for open interest and funding."""
        return float(self._lines(np.array([time_ns], np.int64), period_ns, salt)[0])

    def _lines(self, times_ns: Ints, period_ns: int, salt: int) -> Floats:
        knot = times_ns // period_ns
        rest = (times_ns - knot * period_ns) / period_ns
        return np.asarray(self._hash(knot, salt) * (1 - rest) + self._hash(knot + 1, salt) * rest)

    def _hash(self, index: Ints, salt: int) -> Floats:
        """Uniform in [-1, 1) for each integer: splitmix64's finaliser (Steele, Lea and Flood, 2014)."""
        with np.errstate(over="ignore"):
            x = index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            x = x + np.uint64((self._key + salt * 0xD1B54A32D192ED03) & (2**64 - 1))
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            x = x ^ (x >> np.uint64(31))
        return np.asarray((x >> np.uint64(11)).astype(np.float64) / 2**52 - 1.0)


class CrossPath(PricePath):
    """The price of one asset in another, on full minutes exactly as their own paths say: no money for nothing."""

    def __init__(self, seed: int, name: str, base: PricePath, quote: PricePath, turnover: float) -> None:
        super().__init__(seed, name, 1.0, turnover)
        self._base, self._quote = base, quote

    def log_minutes(self, first: int, last: int, scale: int = 0) -> Floats:
        return np.asarray(self._base.log_minutes(first, last, scale) - self._quote.log_minutes(first, last, scale))
