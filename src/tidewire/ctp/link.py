"""The vendor's library as sessions use it: one API, requests by name, callbacks as events."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError
from .api import MdApi, ResumeType, TraderApi, load
from .pacing import UNCONNECTED
from .schema import Method
from .session import Event

__all__ = ["LibraryLink"]


class LibraryLink:
    """A link over a loaded library. Nothing of it exists before ``start``."""

    def __init__(
        self,
        kind: Literal["market", "trader"],
        fronts: list[str],
        *,
        library: Any,
        folder: str | os.PathLike[str] | None,
        production: bool = True,
    ) -> None:
        if not fronts:
            raise ConfigError("name at least one front, such as 'tcp://180.168.146.187:10211'")
        self._kind = kind
        self._fronts = fronts
        self._library = library
        self._production = production
        self._folder = None if folder is None else Path(folder)
        self._api: MdApi | TraderApi | None = None
        self._requests: dict[str, tuple[Callable[..., int], Any, frozenset[str]]] = {}

    def start(self, deliver: Callable[[Event], None], wants: Callable[[str], bool]) -> None:
        """Create the API and connect."""
        library = load(self._library)
        create = library.MdApi if self._kind == "market" else library.TraderApi
        api = create(self._folder, production=self._production)
        self._api = api
        api.RegisterSpi(_Listener(deliver, wants))
        for front in self._fronts:
            api.RegisterFront(front)
        if isinstance(api, TraderApi):
            # The whole day again after each login, because the flow files cannot be trusted after a broker's restart.
            api.SubscribePrivateTopic(ResumeType.RESTART)
            api.SubscribePublicTopic(ResumeType.QUICK)
        api.Init()

    def request(self, method: str, fields: dict[str, Any], request_id: int) -> int:
        """Call a request method; fields that this version does not have yet are left out."""
        if self._api is None:
            return UNCONNECTED
        known = self._requests.get(method)
        if known is None:
            known = self._requests[method] = self._find(self._api, method)
        call, record, names = known
        return call(record(**{name: value for name, value in fields.items() if name in names}), request_id)

    def subscribe(self, symbols: list[str]) -> int:
        """Ask for market data."""
        return UNCONNECTED if self._api is None else int(self._api.SubscribeMarketData(symbols))

    def unsubscribe(self, symbols: list[str]) -> int:
        """Ask for no more of it."""
        return UNCONNECTED if self._api is None else int(self._api.UnSubscribeMarketData(symbols))

    def queries_per_second(self) -> float | None:
        """QryFreq of GetFrontInfo, which is of 6.7.7 and later; 0 means that the front does not tell."""
        if self._api is None or "GetFrontInfo" not in dir(self._api):
            return None
        return float(self._api.GetFrontInfo().QryFreq) or None

    def close(self) -> None:
        """Release the API."""
        if self._api is not None:
            self._api.close()

    def _find(self, api: MdApi | TraderApi, method: str) -> tuple[Callable[..., int], Any, frozenset[str]]:
        (found,) = (each for each in _methods(api) if each.name == method)
        name = found.parameters[0].removesuffix("*")
        names = frozenset(field.name for field in api.library.schema.structs[name].fields)
        return getattr(api, method), getattr(api.library, name), names


class _Listener:
    """Has every callback that is wanted; each leaves its arguments behind and returns at once."""

    def __init__(self, deliver: Callable[[Event], None], wants: Callable[[str], bool]) -> None:
        self._deliver = deliver
        self._wants = wants

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not self._wants(name):
            raise AttributeError(name)
        deliver = self._deliver

        def callback(*arguments: Any) -> None:
            deliver(Event(name, arguments))

        return callback


def _methods(api: MdApi | TraderApi) -> tuple[Method, ...]:
    return api.library.schema.classes["MdApi" if isinstance(api, MdApi) else "TraderApi"]
