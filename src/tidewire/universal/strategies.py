"""In which order to ask venues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, get_args

from ..errors import ConfigError
from .health import Record

__all__ = ["Strategy", "StrategyName", "strategy"]

StrategyName = Literal["health", "latency", "priority", "round_robin", "weighted"]

_LOYALTY = 0.7
"""Another venue must be so much better than the one that answered last: else prices would come from here and there."""


class Strategy(Protocol):
    """Puts venues in an order, the first to be asked first."""

    def order(self, records: Sequence[Record], now: float) -> list[Record]:
        """Order of one read."""
        ...

    def answered(self, venue: str) -> None:
        """Told which venue gave the answer."""
        ...


def strategy(name: StrategyName | str, venues: Sequence[str], weights: Mapping[str, float] | None) -> Strategy:
    """Make a strategy by name; raise ``ConfigError`` unless the weights fit it."""
    if name not in get_args(StrategyName):
        raise ConfigError(f"strategy must be one of {', '.join(get_args(StrategyName))}, not {name!r}")
    if (name == "weighted") != (weights is not None):
        raise ConfigError('weights={"binance": 3, …} belong to strategy="weighted"')
    match name:
        case "health":
            return _Cheapest(Record.cost_s)
        case "latency":
            return _Cheapest(Record.latency_s)
        case "weighted":
            return _Weighted(venues, weights or {})
        case "round_robin":
            return _Weighted(venues, dict.fromkeys(venues, 1.0))
        case _:
            return _Priority()


class _Priority:
    """As given."""

    def order(self, records: Sequence[Record], now: float) -> list[Record]:
        return list(records)

    def answered(self, venue: str) -> None:
        pass


class _Cost(Protocol):
    def __call__(self, record: Record, now: float, /) -> float: ...


class _Cheapest:
    """By cost, the one that answered last preferred unless another is much better."""

    def __init__(self, cost: _Cost) -> None:
        self._cost = cost
        self._last = ""

    def order(self, records: Sequence[Record], now: float) -> list[Record]:
        def cost(record: Record) -> float:
            return self._cost(record, now) * (_LOYALTY if record.venue == self._last else 1.0)

        return sorted(records, key=cost)

    def answered(self, venue: str) -> None:
        self._last = venue


class _Weighted:
    """Turns by weight, evenly spread: nginx's smooth weighted round robin."""

    def __init__(self, venues: Sequence[str], weights: Mapping[str, float]) -> None:
        if set(weights) != set(venues) or not all(weight > 0 for weight in weights.values()):
            raise ConfigError(f"weights: give each of {', '.join(venues)} a positive number")
        self._weights = dict(weights)
        self._credit = dict.fromkeys(venues, 0.0)

    def order(self, records: Sequence[Record], now: float) -> list[Record]:
        for record in records:
            self._credit[record.venue] += self._weights[record.venue]
        ranked = sorted(records, key=lambda record: -self._credit[record.venue])
        if ranked:
            self._credit[ranked[0].venue] -= sum(self._weights[record.venue] for record in records)
        return ranked

    def answered(self, venue: str) -> None:
        pass
