"""Which limits a call must keep: those of its address, shared by all clients in the process, and its account's."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import msgspec

from ._limits import Limiter
from ._venue import Quota, Venue

__all__ = ["Meter", "meter_for"]


class Meter:
    """One venue at one address: its limiter, and the quotas in force, learnt ones included. Thread-safe."""

    def __init__(self, venue: Venue) -> None:
        self.limiter = Limiter((), venue=venue.name)
        self._lock = threading.Lock()
        self._quotas: tuple[Quota, ...] = ()
        self._accounts: set[str] = set()
        self.configure(venue.spec.quotas)

    def join(self, account: str) -> None:
        """Keep the account's own quotas from now on."""
        with self._lock:
            if account not in self._accounts:
                self._accounts.add(account)
                self._apply(self._quotas)

    def configure(self, quotas: Sequence[Quota]) -> None:
        """Take the quotas given as all there are for the resources they name."""
        with self._lock:
            named = {quota.resource for quota in quotas}
            self._quotas = (*(old for old in self._quotas if old.resource not in named), *quotas)
            self._apply(quotas)

    def scopes(self, account: str) -> dict[str, str]:
        """Each quota's scope, and its name in the limiter."""
        return {quota.scope: _name(quota, account) for quota in self._quotas}

    def costs(self, costs: Mapping[str, int], account: str) -> dict[str, int]:
        """What a call costs, by the quota's name: a resource is charged to every period that limits it."""
        return {_name(q, account): weight for q in self._quotas if (weight := costs.get(q.resource, 0))}

    def _apply(self, quotas: Sequence[Quota]) -> None:
        named = {
            _name(quota, account): quota
            for quota in quotas
            for account in (self._accounts if quota.per == "account" else ("",))
        }
        self.limiter.configure(msgspec.structs.replace(quota, scope=name) for name, quota in named.items())


_meters: dict[object, Meter] = {}
_meters_lock = threading.Lock()


def meter_for(venue: Venue) -> Meter:
    """The meter of a venue's address: one for all clients of this process, past ones too, as the venue counts."""
    key = (venue.name, tuple(sorted(venue.rest_hosts.items())))
    with _meters_lock:
        meter = _meters.get(key)
        if meter is None:
            meter = _meters[key] = Meter(venue)
        return meter


def _name(quota: Quota, account: str) -> str:
    return f"{quota.scope}@{account}" if quota.per == "account" else quota.scope
