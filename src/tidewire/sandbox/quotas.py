"""Request weights in fixed calendar windows, refusals, and bans of those who do not listen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from .._dialect import Breach, Limit, Usage

__all__ = ["Quotas"]


class Quotas:
    """All limits of one venue for the one address that talks to a sandbox.

    A request over a limit is refused until the window ends. Asking ``patience`` more times while refused earns a ban of
    ``ban_s`` seconds, doubling each time up to three days, the venue's own maximum.
    """

    def __init__(self, limits: Mapping[str, Limit], *, patience: int = 10, ban_s: float = 120.0) -> None:
        self.limits = dict(limits)
        self.refusals: Counter[int] = Counter()
        """How often a request was refused, by HTTP status (429 or 418)."""
        self.windows: dict[str, dict[int, int]] = {scope: {} for scope in limits}
        """Weight granted per scope and window; windows are numbered since the epoch."""
        self._patience, self._ban_s = patience, ban_s
        self._insisted = 0
        self._bans = 0
        self._banned_until_ns = 0

    def charge(self, costs: Mapping[str, int], now_ns: int) -> Breach | None:
        """Count a request, or say why it is refused; a refused request costs nothing."""
        if now_ns < self._banned_until_ns:
            return self._refuse(next(iter(costs), ""), self._banned_until_ns, now_ns, banned=True)
        for scope, cost in costs.items():
            limit = self.limits[scope]
            if self._used(scope, now_ns) + cost > limit.limit:
                return self._breach(scope, limit, now_ns)
        for scope, cost in costs.items():
            self._add(scope, cost, now_ns)
        self._insisted = 0
        return None

    def refund(self, costs: Mapping[str, int], now_ns: int) -> None:
        """Give weight back."""
        for scope, cost in costs.items():
            self._add(scope, -cost, now_ns)

    def usage(self, scope: str, now_ns: int) -> Usage:
        """Use of a limit in the present window."""
        limit = self.limits[scope]
        period_ns = round(limit.period_s * 1e9)
        return Usage(limit, self._used(scope, now_ns), (period_ns - now_ns % period_ns) / 1e9)

    def peak(self, scope: str) -> int:
        """Most weight granted in any one window."""
        return max(self.windows[scope].values(), default=0)

    def _breach(self, scope: str, limit: Limit, now_ns: int) -> Breach:
        period_ns = round(limit.period_s * 1e9)
        self._insisted += limit.bans
        if self._insisted > self._patience:
            self._insisted = 0
            self._bans += 1
            seconds = min(self._ban_s * 2 ** (self._bans - 1), 3 * 86_400)
            self._banned_until_ns = now_ns + round(seconds * 1e9)
            return self._refuse(scope, self._banned_until_ns, now_ns, banned=True)
        return self._refuse(scope, (now_ns // period_ns + 1) * period_ns, now_ns, banned=False)

    def _refuse(self, scope: str, until_ns: int, now_ns: int, *, banned: bool) -> Breach:
        self.refusals[418 if banned else 429] += 1
        wait = math.ceil((until_ns - now_ns) / 1e9)
        return Breach(scope, self.limits.get(scope, Limit(0, 0.0)), wait, until_ns, banned)

    def _window(self, scope: str, now_ns: int) -> int:
        return now_ns // round(self.limits[scope].period_s * 1e9)

    def _used(self, scope: str, now_ns: int) -> int:
        return self.windows[scope].get(self._window(scope, now_ns), 0)

    def _add(self, scope: str, cost: int, now_ns: int) -> None:
        window = self._window(scope, now_ns)
        self.windows[scope][window] = max(0, self.windows[scope].get(window, 0) + cost)
