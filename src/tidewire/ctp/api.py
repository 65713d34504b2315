"""The vendor's API, method by method, from Python: what it would die of is a typed error here.

::

    from tidewire import ctp

    lib = ctp.load()  # finds the vendor's library and its version


    class Quotes(ctp.MdSpi):
        def OnFrontConnected(self):
            md.ReqUserLogin(lib.ReqUserLogin(BrokerID="9999", UserID="1"), 1)

        def OnRspUserLogin(self, login, info, request_id, is_last):
            md.SubscribeMarketData(["rb2701"])

        def OnRtnDepthMarketData(self, tick):
            print(tick.InstrumentID, tick.LastPrice)


    with lib.MdApi() as md:
        md.RegisterSpi(Quotes())
        md.RegisterFront("tcp://127.0.0.1:41213")
        md.Init(timeout=10)

Methods return the vendor's codes: 0 sent, -1 no connection, -2 too many requests under way, -3 too many in a second.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Literal, Self

import numpy as np

from tidewire import _ctp

from ..errors import ConfigError, CtpDisconnected, CtpError, NotSupported, Timeout
from . import calls, schema, wire
from .calls import ResumeType
from .delivery import Drainer
from .flow import Flow
from .library import Kind, Library, Places, choose_libraries
from .structs import Structs, structs

__all__ = ["Ctp", "MdApi", "ResumeType", "TraderApi", "load"]

Delivery = Literal["direct", "queue", "batch"]

# As the numbers of vtable.hpp's Shape.
_SHAPES = {
    (): 0,
    ("int",): 1,
    ("*",): 2,
    ("*", "*"): 3,
    ("*", "int", "bool"): 4,
    ("*", "*", "int", "bool"): 5,
}


def load(library: Ctp | Places = None) -> Ctp:
    """Find the vendor's library and the schema of its version.

    ``library`` is a file, a folder or several of them, or ``"sim"`` for the bundled simulator. Without it:
    ``TIDEWIRE_CTP_PATH``, then an installed package ``openctp_ctp`` or ``vnpy_ctp``. The vendor has one file for market
    data and one for trading; both come from the same version. Loading runs the library's code: name only files that you
    trust. Raises ``ConfigError`` where there is no library and ``CtpIncompatible`` for a version without a schema.
    Several versions may be loaded in one process.
    """
    if isinstance(library, Ctp):
        return library
    libraries = choose_libraries(library)
    return Ctp(structs(str(next(iter(libraries.values())).version)), libraries)


class Ctp(wire.Names):
    """A loaded version of CTP. Its structs, enumerations and constants are its attributes: ``lib.InputOrder(…)``.

    Structs refuse unknown fields, wrong types and texts that do not fit with ``ConfigError``. Single characters may be
    given by the names of their enumeration (``Direction="Buy"``). Reading a field decodes it: GB18030 to ``str``,
    ``DBL_MAX`` to NaN; ``raw(name)`` gives what the vendor wrote, ``to_dict()`` all fields. Passwords do
    not show in repr.
    """

    def __init__(self, of: Structs, libraries: dict[Kind, Library]) -> None:
        self.structs = of
        self.schema = of.schema
        self.version = of.schema.version
        self.libraries = libraries
        self.build = next(iter(libraries.values())).build

    def __getattr__(self, name: str) -> Any:
        return getattr(self.structs, name)

    def __dir__(self) -> Iterator[str]:
        yield from super().__dir__()
        yield from dir(self.structs)

    def __repr__(self) -> str:
        return f"<CTP {self.build}>"

    def MdApi(self, flow: str | os.PathLike[str] | None = None, **options: Any) -> MdApi:  # noqa: N802  the vendor's
        """Create a market data API; see ``MdApi``."""
        return MdApi(flow, library=self, **options)

    def TraderApi(self, flow: str | os.PathLike[str] | None = None, **options: Any) -> TraderApi:  # noqa: N802
        """Create a trading API; see ``TraderApi``."""
        return TraderApi(flow, library=self, **options)


class _Api:
    """What both APIs share: life cycle, listener, delivery. Every method of the vendor's is an attribute by its name.

    ``flow`` is the folder of the vendor's flow files; it is made where missing, and each API needs its own. Without it
    a temporary folder is used. ``delivery`` says where callbacks run:

    * ``"direct"``: in the vendor's thread, at once. A slow callback makes the front drop the session.
    * ``"queue"``: in a thread of this API, or in the asyncio ``loop`` given. At most ``capacity`` wait; then the
      vendor's thread does, and nothing is dropped. With ``conflate=True`` a tick takes the place of one of the same
      instrument that still waits.
    * ``"batch"``: as ``"queue"``, but ticks come to ``OnRtnDepthMarketDataBatch`` as a NumPy array of records.

    What a callback raises goes to ``on_error(exception)``, or to ``sys.unraisablehook``.

    Methods may be called from any thread, also in callbacks, except ``Release`` and ``Join``. A context manager:
    leaving it closes. Raises ``ConfigError``, ``NotSupported``, ``CtpError``.
    """

    kind: ClassVar[Kind]
    _class: ClassVar[str]

    def __init__(
        self,
        flow: str | os.PathLike[str] | None = None,
        *,
        library: Ctp | Places = None,
        delivery: Delivery = "direct",
        conflate: bool = False,
        capacity: int = 65_536,
        loop: asyncio.AbstractEventLoop | None = None,
        production: bool = True,
        udp: bool = False,
        multicast: bool = False,
        on_error: Callable[[BaseException], object] | None = None,
    ) -> None:
        self.library = load(library)
        file = self.library.libraries.get(self.kind)
        if file is None:
            raise ConfigError(f"{self.library!r} has no {self.kind} library")
        if delivery not in {"direct", "queue", "batch"}:
            raise ConfigError(f"delivery is 'direct', 'queue' or 'batch', not {delivery!r}")
        if delivery == "direct" and (conflate or loop is not None):
            raise ConfigError("conflate and loop are for the deliveries 'queue' and 'batch'")
        if capacity < 1:
            raise ConfigError(f"capacity is a number of events from 1, not {capacity}")
        if not production and not file.factory.endswith(("PKcbbb", "PKcb")):
            raise NotSupported(f"CTP {self.library.version} has no test mode: production=False is of 6.7.11 and later")
        self.delivery = delivery
        self._methods = {
            method.name: (slot, method) for slot, method in enumerate(self.library.schema.classes[self._class])
        }
        self._callbacks = self.library.schema.classes[self._class.replace("Api", "Spi")]
        self._drainer: Drainer | None = None
        self._spi: object = None
        self._registered = self._started = False
        self._ended = threading.Event()
        self._closing = threading.Lock()
        self._flow = Flow(flow)
        try:
            wake_fd = -1 if loop is None else os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            flags = (udp, multicast, production)
            self._session = self._open(file, flags, conflate, capacity, wake_fd, on_error)
        except BaseException:
            self._flow.close()
            raise
        if delivery != "direct":
            name = f"tidewire-ctp-{self._class}"
            self._drainer = Drainer(self._session, loop, wake_fd, name, self._forget_listener)
        _live.add(self)

    def _open(
        self,
        file: Library,
        flags: tuple[bool, bool, bool],
        conflate: bool,
        capacity: int,
        wake_fd: int,
        on_error: Callable[[BaseException], object] | None,
    ) -> _ctp.Session:
        spi = {method.name: slot for slot, method in enumerate(self._callbacks)}
        return _ctp.Session(
            library=os.fsencode(file.path),
            kind=self.kind,
            factory=file.factory,
            flow=self._flow.prefix,
            flags=flags,
            slots={
                "release": self._methods["Release"][0],
                "init": self._methods["Init"][0],
                "register_spi": self._methods["RegisterSpi"][0],
                "connected": spi["OnFrontConnected"],
                "disconnected": spi["OnFrontDisconnected"],
                "tick": spi.get("OnRtnDepthMarketData") if self.kind == "market" else None,
            },
            callbacks=[self._shape(method) for method in self._callbacks],
            delivery=self.delivery,
            conflate=conflate,
            capacity=capacity,
            wake_fd=wake_fd,
            on_error=on_error,
        )

    def _shape(self, method: schema.Method) -> tuple[int, object, object]:
        kinds = [kind.removesuffix("*") for kind in method.parameters if kind.endswith("*")]
        shape = _SHAPES[tuple("*" if kind.endswith("*") else kind for kind in method.parameters)]
        records = [getattr(self.library.structs, kind) for kind in kinds]
        return (shape, *[*records, None, None][:2])

    # -- the vendor's methods that need care ---------------------------------------------------------------------------

    def RegisterSpi(self, spi: object | None) -> None:  # noqa: N802
        """Let an object listen: its methods that have the vendor's names are called. ``None``: nobody listens."""
        targets = [getattr(spi, method.name, None) for method in self._callbacks]
        batch = getattr(spi, "OnRtnDepthMarketDataBatch", None) if self.delivery == "batch" else None
        if batch is not None:
            batch = partial(_call_with_records, batch, self.library.structs.dtype("DepthMarketData"))
        self._session.listen(targets, batch)
        self._spi = spi

    def RegisterFront(self, address: str) -> None:  # noqa: N802
        """Name a front, such as ``tcp://180.168.146.187:10131``; several calls give alternatives."""
        self._register("RegisterFront", address)

    def RegisterNameServer(self, address: str) -> None:  # noqa: N802
        """Name a name server, which goes before fronts."""
        self._register("RegisterNameServer", address)

    def _register(self, name: str, address: str) -> None:
        self._session.text(self._methods[name][0], calls.front_address(address))
        self._registered = True

    def Init(self, timeout: float | None = None) -> None:  # noqa: N802
        """Start the vendor's threads, which connect and stay connected.

        With a ``timeout`` in seconds, wait for ``OnFrontConnected``; raises ``Timeout`` when nobody answers, which the
        vendor never tells, and ``CtpDisconnected`` when the link breaks first. The API stays open: it goes on trying.
        """
        if not self._registered:
            raise ConfigError("name a front before Init: RegisterFront('tcp://host:port')")
        if self._started:
            raise CtpError("Init has been called before")
        if timeout is not None and self._session.in_callback:
            raise CtpError("Init cannot wait in a callback")
        self._started = True
        if self._drainer:
            self._drainer.start()
        self._session.init()
        if timeout is not None:
            self.wait_connected(timeout)

    def wait_connected(self, timeout: float) -> None:
        """Wait for ``OnFrontConnected``. Raises ``Timeout`` and ``CtpDisconnected``, as ``Init`` does."""
        state = self._session.wait_connected(timeout)
        if state < 0:
            raise CtpDisconnected(f"the front closed the connection: reason {-state:#x}", error_id=-state)
        if state == 0:
            if self._session.released:
                raise CtpError("the API has been released")
            raise Timeout(f"no front answered within {timeout} s", venue="ctp")

    def Join(self, timeout: float | None = None) -> int:  # noqa: N802
        """Wait until the API is released, and return 1 as the vendor does; ``Timeout`` after so many seconds.

        The vendor's own Join is never called: releasing an API while a thread is in it hangs for ever.
        """
        if self._session.in_callback:
            raise CtpError("Join in a callback would wait for itself")
        if not self._ended.wait(timeout):
            raise Timeout(f"the API has not been released within {timeout} s", venue="ctp")
        return 1

    def Release(self) -> None:  # noqa: N802
        """End the vendor's threads and the API. ``CtpError`` in a callback and the second time; see ``close``."""
        if self._ended.is_set():
            raise CtpError("the API has been released")
        self.close()

    def close(self) -> None:
        """Release the API unless that is done; what waited in the queue is delivered first."""
        if self._session.in_callback:
            self._session.release()  # says why not
        with self._closing:
            if self._ended.is_set():
                return
            self._session.release()
            if self._drainer:
                self._drainer.finish()
            else:
                self._forget_listener()
            self._ended.set()
            self._flow.close()
            _live.discard(self)

    def _forget_listener(self) -> None:
        """When nothing can come any more: listener, callbacks and this object would keep each other."""
        self.RegisterSpi(None)

    def GetTradingDay(self) -> str:  # noqa: N802
        """Return the trading day, as ``20261123``. Before logging in the vendor says ``19800100``."""
        return self._session.trading_day(self._methods["GetTradingDay"][0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "released" if self._ended.is_set() else "started" if self._started else "created"
        return f"<{self._class} of {self.library!r}, {self.delivery}, {state}>"

    @property
    def closed(self) -> bool:
        """Whether the API has been released."""
        return self._ended.is_set()

    @property
    def conflated(self) -> int:
        """Ticks that were replaced by later ones before anybody saw them."""
        return self._session.conflated

    @property
    def waits(self) -> int:
        """How often the vendor's thread waited because the queue was full."""
        return self._session.waits

    # -- all others, by what they take ---------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._methods:
            raise AttributeError(f"{self._class} of CTP {self.library.version} has no {name}")
        slot, method = self._methods[name]
        call = calls.caller(self._session, self.library.structs, slot, method)
        if "ResumeType" in method.parameters:
            call = self._before_init(call)
        call.__name__, call.__qualname__, call.__doc__ = name, f"{self._class}.{name}", str(method)
        setattr(self, name, call)
        return call

    def _before_init(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def early(*arguments: Any, **named: Any) -> Any:
            if self._started:
                raise CtpError("how a flow resumes is told before Init only")
            return call(*arguments, **named)

        return early

    def __dir__(self) -> Iterator[str]:
        yield from super().__dir__()
        yield from self._methods


class MdApi(_Api, wire.MdMethods):
    __doc__ = f"Market data: ``CThostFtdcMdApi``.\n\n{_Api.__doc__}"
    kind = "market"
    _class = "MdApi"


class TraderApi(_Api, wire.TraderMethods):
    __doc__ = f"Trading: ``CThostFtdcTraderApi``.\n\n{_Api.__doc__}"
    kind = "trader"
    _class = "TraderApi"


def _call_with_records(target: Callable[[Any], object], dtype: np.dtype[np.void], data: _ctp.Block) -> None:
    target(np.frombuffer(memoryview(data), dtype=dtype))


_live: set[_Api] = set()


def _close_all() -> None:
    """At exit: the vendor's threads must be gone before the interpreter is."""
    with ExitStack() as all_of_them:  # also when one fails
        all_of_them.callback(_ctp.shut_door)  # last: some threads outlive their API by a little
        for api in _live:
            all_of_them.callback(api.close)


def _forget_all() -> None:
    """In a forked child, which has none of the vendor's threads."""
    _ctp.forget_threads()
    for api in list(_live):
        api._session.abandon()  # noqa: SLF001
        api._ended.set()  # noqa: SLF001 - its flow folder is the parent's
    _live.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
