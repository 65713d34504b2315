"""The simulated front: a CTP broker and six exchanges in this process, scripted from Python.

The library that ``library_path()`` names has the ABI of the vendor's 6.7.11 and marks its version ``SIM``. Any binding
of CTP can be pointed at it. Without a script there is one front, at ``DEFAULT_TRADER`` and ``DEFAULT_MARKET``, where
anybody of broker ``BROKER`` may log in with ``PASSWORD`` and ``AUTH_CODE``. A script makes fronts of its own::

    from tidewire.ctp import sim

    with sim.Front(seed=7, clock=0) as front:      # time moves only by front.advance()
        front.add_user("9999", "u1", "secret", balance=1_000_000)
        ...                                        # connect anything to front.address
        front.advance(0.5)
        front.disconnect(0x1001)

Verified on Linux x86-64; not verified elsewhere. What it does not know: holidays, options, combinations, the opening
auction. Prices, margins and fees are plausible, not anybody's.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from .. import _ctp
from .recording import EPOCH, NO_VALUE, millis, pauses, read_ticks, struct_dtype

__all__ = [
    "AUTH_CODE",
    "BROKER",
    "DEFAULT_MARKET",
    "DEFAULT_TRADER",
    "PASSWORD",
    "Front",
    "library_path",
    "read_ticks",
    "struct_dtype",
]

DEFAULT_TRADER: Final = "tcp://127.0.0.1:10130"
DEFAULT_MARKET: Final = "tcp://127.0.0.1:10131"
BROKER: Final = "9999"
PASSWORD: Final = "tidewire"  # noqa: S105 - of a simulator, in its documentation
AUTH_CODE: Final = "0000000000000000"

_START = datetime(2026, 7, 1, 13, 30)  # noqa: DTZ001

Fault = Literal[
    "return", "handshake", "authenticate", "login", "query", "order", "cancel", "exchange order", "exchange cancel"
]


def library_path() -> Path:
    """Return the simulator's library, which lies beside the compiled modules of this package."""
    return Path(_ctp.__file__).with_name("libtidewire_ctp_sim.so")


class Front:
    """A simulated front. It lives until ``close()``; its users' connections are then lost.

    ``clock``: simulated seconds in a real one; 0 stands still except for ``advance()``. Time also stands still while
    nobody is connected. ``start``: the clock's first time, in China; after 18:00 it is the night session of the next
    weekday. ``query_rate``: queries a second that a session may make before it gets -3. ``market``: ``"seeded"``
    trades by itself, the same for the same seed; ``"still"`` shows only what ``feed()`` and ``quote()`` say.
    ``hours``: ``"sessions"`` trades only in each product's sessions. ``instruments``: ``"none"`` lists only what
    ``add_instrument()`` adds.

    Any thread may script a front.
    """

    def __init__(
        self,
        *,
        address: str = "",
        seed: int = 1,
        start: datetime = _START,
        clock: float = 1.0,
        query_rate: int = 1,
        market: Literal["seeded", "still"] = "seeded",
        hours: Literal["always", "sessions"] = "always",
        instruments: Literal["products", "none"] = "products",
    ) -> None:
        if clock < 0 or query_rate < 1:
            raise ValueError(f"clock must be at least 0 and query_rate at least 1: {clock!r}, {query_rate!r}")
        flags = (hours == "sessions") * 1 + (market == "still") * 2 + (instruments == "none") * 4
        self._handle: int = _library().tidewire_sim_open(
            address.encode(), seed, millis(start), float(clock), query_rate, flags
        )
        if self._handle == 0:
            raise ValueError(f"a simulated front already listens at {address}")
        self.address = self._text("tidewire_sim_address")

    @classmethod
    def default(cls) -> Self:
        """Return the front that is there without any script."""
        handle = _library().tidewire_sim_find(DEFAULT_TRADER.encode())
        front = cls.__new__(cls)
        front._handle, front.address = handle, DEFAULT_TRADER  # noqa: SLF001 - of this very class
        return front

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Take the front away; whoever is connected hears 0x1001 and finds nobody when reconnecting."""
        _library().tidewire_sim_close(self._handle)

    def add_user(
        self,
        broker: str,
        user: str,
        password: str,
        *,
        app_id: str = "",
        auth_code: str = "",
        balance: float = 10_000_000,
    ) -> None:
        """Add an account; from then on only added ones may come. Empty ``app_id`` and ``auth_code`` admit any.

        ``ValueError`` if there is one of that name.
        """
        texts = [text.encode() for text in (broker, user, password, app_id, auth_code)]
        self._call("tidewire_sim_add_user", *texts, float(balance))

    def add_instrument(
        self,
        instrument: str,
        exchange: str,
        *,
        product: str,
        tick: float,
        multiplier: int,
        price: float,
        name: str = "",
        margin: float = 0.1,
        fees: tuple[float, float, float, float, float, float] = (0, 0, 0, 0, 0, 0),
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """List a contract.

        ``fees``: open, close and close today, each as a share of money and as money a lot.
        ``fields`` sets further fields of the Instrument struct. ``ValueError`` if it is listed already or senseless.
        """
        row = np.zeros(1, struct_dtype("Instrument"))
        split = exchange in {"SHFE", "INE"}
        given = {
            "InstrumentID": instrument, "ExchangeInstID": instrument, "ExchangeID": exchange, "ProductID": product,
            "InstrumentName": name or instrument, "PriceTick": tick, "VolumeMultiple": multiplier, "ProductClass": "1",
            "MinMarketOrderVolume": 1, "MaxMarketOrderVolume": 100, "MinLimitOrderVolume": 1,
            "MaxLimitOrderVolume": 500, "InstLifePhase": "1", "IsTrading": 1, "PositionType": "2",
            "PositionDateType": "1" if split else "2", "LongMarginRatio": margin, "ShortMarginRatio": margin,
            "StrikePrice": NO_VALUE, "UnderlyingMultiple": 1.0,
        }  # fmt: skip
        for field, value in {**given, **(fields or {})}.items():
            row[field] = value.encode("gb18030") if isinstance(value, str) else value
        rates = (ctypes.c_double * 6)(*fees)
        self._call("tidewire_sim_add_instrument", row.tobytes(), float(price), float(margin), rates, 0)

    @property
    def now(self) -> datetime:
        """The simulated time, China's clock without a zone."""
        return EPOCH + timedelta(milliseconds=self._call("tidewire_sim_now"))

    def advance(self, seconds: float) -> None:
        """Let simulated time pass, in half seconds of market; the clients' own threads deliver what comes of it."""
        self._call("tidewire_sim_advance", round(seconds * 1000))

    def next_day(self, start: datetime | None = None) -> None:
        """End the trading day: positions become history, orders and flows are gone, everybody is disconnected.

        The new day starts at 09:00 of the next weekday, or at ``start``, which may be the evening before.
        """
        self._call("tidewire_sim_settle", -1 if start is None else millis(start))

    def feed(self, ticks: NDArray[np.void] | str | Path | Iterable[str], *, pace: float | None = None) -> float:
        """Queue recorded snapshots, which from now on move their contracts alone; return how many seconds they take.

        They are published byte for byte. ``pace``: seconds from one to the next; ``None``: as their stamps say, with
        pauses cut to a minute. Users' orders meet the recorded quotes. ``KeyError`` for a contract not listed,
        ``ValueError`` for a field that CTP has not.
        """
        rows = ticks if isinstance(ticks, np.ndarray) else read_ticks(ticks)
        data = np.zeros(len(rows), struct_dtype("DepthMarketData"))  # NumPy packs what it concatenates
        for name in rows.dtype.names or ():
            data[name] = rows[name]
        after = pauses(rows) if pace is None else np.arange(len(rows)) * round(pace * 1000)
        due = np.ascontiguousarray(after + self._call("tidewire_sim_now"), dtype=np.int64)
        pointer = due.ctypes.data_as(ctypes.POINTER(ctypes.c_int64))
        self._call("tidewire_sim_feed", data.ctypes.data_as(ctypes.c_void_p), pointer, len(data))
        return float(after[-1]) / 1000 + 0.5 if len(rows) else 0.0

    def quote(
        self,
        instrument: str,
        *,
        bid: float,
        ask: float,
        bid_volume: int = 10,
        ask_volume: int = 10,
        last: float | None = None,
    ) -> None:
        """Set the best prices by hand and publish them; from now on nothing else moves this contract."""
        tick = np.zeros(1, struct_dtype("DepthMarketData"))
        for name in tick.dtype.names or ():
            if tick.dtype[name].kind == "f":
                tick[name] = NO_VALUE
        now = self.now
        tick["InstrumentID"], tick["UpdateTime"] = instrument.encode(), now.strftime("%H:%M:%S").encode()
        tick["TradingDay"] = tick["ActionDay"] = now.strftime("%Y%m%d").encode()
        tick["UpdateMillisec"] = now.microsecond // 1000
        tick["BidPrice1"], tick["BidVolume1"], tick["AskPrice1"], tick["AskVolume1"] = bid, bid_volume, ask, ask_volume
        tick["LastPrice"] = bid if last is None else last
        tick["Turnover"] = tick["OpenInterest"] = 0
        self.feed(tick, pace=0)
        self._call("tidewire_sim_publish", instrument.encode())

    def flood(self, instrument: str, count: int, *, interval_ns: int = 0) -> None:
        """Push ``count`` snapshots to each subscriber at full speed, or one every ``interval_ns``.

        Volume counts them; Turnover is the time of sending, ``time.monotonic_ns()`` on Linux. ``drain()``
        waits for them.
        """
        self._call("tidewire_sim_flood", instrument.encode(), count, interval_ns)

    @property
    def flood_seconds(self) -> float:
        """How long the last flood took, the callbacks included."""
        return self._call("tidewire_sim_flood_ns") / 1e9

    def drain(self, timeout: float = 10.0) -> None:
        """Wait until every callback that is due has returned. ``TimeoutError`` if that takes too long.

        Not to be called inside a callback.
        """
        if self._call("tidewire_sim_drain", round(timeout * 1000), allow=(0, -4)) != 0:
            raise TimeoutError(f"the simulated front still had something to deliver after {timeout} s")

    def disconnect(self, reason: int = 0x1001, *, user: str = "") -> None:
        """Cut the connections of everybody, or of one user. They reconnect after a simulated second.

        What was not delivered is lost; the private flow repeats it after login. ``reason``: 0x1001 read failed, 0x1002
        write failed, 0x2001 no heart-beat, 0x2002 heart-beat not sent, 0x2003 bad packet.
        """
        if reason not in {0x1001, 0x1002, 0x2001, 0x2002, 0x2003}:
            raise ValueError(f"not a reason of CTP's: {reason:#x}")
        self._call("tidewire_sim_disconnect", reason, user.encode())

    def silence(self, seconds: float) -> None:
        """Send nothing for so long: a warning after 61 s, disconnection 0x2001 after 121 s, else all that was due."""
        self._call("tidewire_sim_silence", round(seconds * 1000))

    def stop_listening(self) -> None:
        """Take no new connections; the present ones stay."""
        self._call("tidewire_sim_listen", 0)

    def listen(self) -> None:
        """Take connections again."""
        self._call("tidewire_sim_listen", 1)

    def fail_next(self, what: Fault, code: int = 0, *, times: int = 1) -> None:
        """Let the next ``times`` of something fail.

        ``"return"``: any request returns ``code``, such as -2 or -3. ``"handshake"``: OnRspError instead of
        OnFrontConnected. ``"query"``: OnRspError. ``"authenticate"``, ``"login"``, ``"order"``, ``"cancel"``: CTP's own
        answer with ErrorID ``code``. ``"exchange order"``, ``"exchange cancel"``: the exchange rejects, without a code.
        """
        self._call("tidewire_sim_fault", what.encode(), code, times)

    def delay_exchanges(self, seconds: float) -> None:
        """Let orders and cancels need so long to the exchange; an order is unknown (``'a'``) meanwhile."""
        self._call("tidewire_sim_exchange_delay", round(seconds * 1000))

    @property
    def connections(self) -> int:
        """How many API instances are connected."""
        return self._call("tidewire_sim_connections")

    def instruments(self) -> list[dict[str, Any]]:
        """Return the contracts as the front knows them: fields of Instrument by name."""
        return self._rows("instruments", "Instrument")

    def orders(self, user: str) -> list[dict[str, Any]]:
        """Return the day's orders of a user as the front knows them: fields of Order by name."""
        return self._rows("orders", "Order", user)

    def trades(self, user: str) -> list[dict[str, Any]]:
        """Return the day's trades of a user: fields of Trade by name."""
        return self._rows("trades", "Trade", user)

    def positions(self, user: str) -> list[dict[str, Any]]:
        """Return a user's position rows: fields of InvestorPosition by name."""
        return self._rows("positions", "InvestorPosition", user)

    def account(self, user: str) -> dict[str, Any]:
        """Return a user's account: fields of TradingAccount by name."""
        return self._rows("accounts", "TradingAccount", user)[0]

    def ticks(self) -> list[dict[str, Any]]:
        """Return the present snapshot of every contract: fields of DepthMarketData by name."""
        return self._rows("ticks", "DepthMarketData")

    def _rows(self, what: str, struct: str, user: str = "") -> list[dict[str, Any]]:
        dtype, room = struct_dtype(struct), 0
        while True:  # the rows may grow between asking for their size and reading them
            buffer = ctypes.create_string_buffer(room)
            size = self._call("tidewire_sim_read", what.encode(), user.encode(), buffer, room)
            if size <= room:
                return [_decoded(row) for row in np.frombuffer(buffer.raw[:size], dtype)]
            room = size

    def _text(self, function: str) -> str:
        buffer = ctypes.create_string_buffer(256)
        size = self._call(function, buffer, len(buffer))
        return buffer.raw[:size].decode()

    def _call(self, function: str, *arguments: Any, allow: tuple[int, ...] = ()) -> int:
        code = int(getattr(_library(), function)(self._handle, *arguments))
        if code >= 0 or code in allow:
            return code
        if code == -1:
            raise ValueError("this simulated front has been closed")
        if code == -2:
            raise KeyError(
                f"{function.removeprefix('tidewire_sim_')}: no such instrument, user or name: {arguments[:2]!r}"
            )
        raise ValueError(f"{function.removeprefix('tidewire_sim_')}: exists already, or makes no sense")


def _decoded(row: np.void) -> dict[str, Any]:
    values = zip(row.dtype.names or (), row.item(), strict=True)
    return {name: value.decode("gb18030", "replace") if isinstance(value, bytes) else value for name, value in values}


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(library_path()))
    handle, text, number, code = ctypes.c_uint64, ctypes.c_char_p, ctypes.c_int64, ctypes.c_int
    real, blob = ctypes.c_double, ctypes.c_void_p
    signatures: dict[str, tuple[Any, ...]] = {
        "open": (handle, text, handle, number, real, code, code),
        "find": (handle, text),
        "close": (code, handle),
        "address": (number, handle, text, number),
        "listen": (code, handle, code),
        "add_user": (code, handle, text, text, text, text, text, real),
        "add_instrument": (code, handle, text, real, real, ctypes.POINTER(real), code),
        "now": (number, handle),
        "advance": (code, handle, number),
        "settle": (code, handle, number),
        "feed": (code, handle, blob, ctypes.POINTER(number), number),
        "publish": (code, handle, text),
        "flood": (code, handle, text, number, number),
        "flood_ns": (number, handle),
        "drain": (code, handle, number),
        "disconnect": (code, handle, code, text),
        "silence": (code, handle, number),
        "exchange_delay": (code, handle, number),
        "fault": (code, handle, text, code, code),
        "read": (number, handle, text, text, blob, number),
        "connections": (number, handle),
    }
    for name, (result, *arguments) in signatures.items():
        function = getattr(library, f"tidewire_sim_{name}")
        function.restype, function.argtypes = result, arguments
    return library
