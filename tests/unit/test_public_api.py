"""The public face: pinned names, equal signatures, and an import that costs little."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import version
from itertools import chain

import pytest

import tidewire as tw

PINNED = """
AsyncClient Client Credentials Instrument Klines Level OrderBook Signer Symbol decode_klines sandbox venue venues
Balance BookSnapshot Fill FundingRate Health OpenInterest Order Position Ticker Trade Side OrderType OrderStatus
TimeInForce Error ConfigError NotSupported UnknownSymbol TransportError Timeout ConnectionFailed OutcomeUnknown
VenueError AuthenticationError PermissionDenied ClockSkew RateLimited Banned VenueUnavailable InvalidRequest
OrderRejected InsufficientFunds OrderNotFound DuplicateOrder WouldTakeLiquidity FilterViolation DecodeError BookError
TradingFee SequenceGap ChecksumMismatch CrossedBook StreamClosed CtpError CtpDisconnected CtpFlowControl CtpIncompatible
""".split()

VERBS = """
ping server_time health fetch_instruments instrument fetch_klines fetch_klines_many fetch_price fetch_ticker
fetch_tickers fetch_book fetch_trades fetch_funding_rate fetch_funding_history fetch_open_interest fetch_balances
fetch_positions fetch_orders fetch_open_orders fetch_order fetch_fills create_order cancel_order cancel_all_orders
resolve_order fetch_data fetch_trading_fee
""".split()

STREAMS = {"watch_book", "watch_trades"}

# None of these is ours to load: data frames, terminals, HTTP's optional parts, servers, test tools.
FOREIGN = ("pandas", "polars", "pyarrow", "cryptography", "rich", "click", "typer", "tqdm", "h2", "socksio", "pytest")
OWN_LATE = ("tidewire.sandbox", "tidewire.cli", "tidewire.universal", "tidewire._ctp")
BUDGET_S = 0.150


def public(cls: type) -> dict[str, inspect.Signature]:
    names = [name for name in dir(cls) if not name.startswith("_") and callable(getattr(cls, name))]
    return {name: inspect.signature(getattr(cls, name)) for name in names}


def without_awaiting(text: object) -> str:
    return str(text).replace("Async", "")


def test_all_is_sorted_and_real() -> None:
    assert tw.__all__ == sorted(set(tw.__all__))
    for name in tw.__all__:
        assert getattr(tw, name) is not None
    assert set(tw.__all__) <= set(dir(tw))


@pytest.mark.parametrize("name", PINNED)
def test_a_pinned_name_exists(name: str) -> None:
    assert name in tw.__all__
    assert getattr(tw, name)


def test_the_version_stands_in_one_place() -> None:
    assert tw.__version__ == version("tidewire")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        tw.no_such_name  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("cls", [tw.Client, tw.AsyncClient])
def test_clients_offer_every_pinned_verb(cls: type) -> None:
    assert set(VERBS) <= set(public(cls))
    assert set(public(tw.AsyncClient)) >= STREAMS


def test_both_clients_have_equal_signatures() -> None:
    blocking, awaiting = public(tw.Client), public(tw.AsyncClient)
    blocking.pop("close")
    awaiting.pop("aclose", None)
    awaiting.pop("close", None)
    streams = {name for name in awaiting if name.startswith("watch_")}
    assert set(blocking) == set(awaiting) - streams - {"order_entry"}
    assert {n: without_awaiting(s) for n, s in blocking.items()} == {n: without_awaiting(awaiting[n]) for n in blocking}
    assert str(inspect.signature(tw.Client)) == str(inspect.signature(tw.AsyncClient))


def test_verbs_are_documented_in_both() -> None:
    for name in VERBS:
        text = inspect.getdoc(getattr(tw.Client, name))
        assert text
        assert inspect.getdoc(getattr(tw.AsyncClient, name)) == text


def test_a_blocking_verb_is_never_a_coroutine() -> None:
    assert [n for n in VERBS if inspect.iscoroutinefunction(getattr(tw.Client, n))] == []
    awaited = {n for n in VERBS if inspect.iscoroutinefunction(getattr(tw.AsyncClient, n))}
    assert awaited == set(VERBS) - {"health"}


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_importing_costs_little() -> None:
    timed = "import time; t = time.perf_counter(); import tidewire; print(time.perf_counter() - t)"
    taken: list[float] = []
    while len(taken) < 10 and min(taken, default=1.0) > BUDGET_S:  # the machine may be busy: one quiet moment proves it
        taken.append(float(python(timed)))
    assert min(taken) < BUDGET_S, [f"{t * 1e3:.0f} ms" for t in taken]


def test_importing_loads_nothing_that_was_not_asked_for() -> None:
    loaded = python("import sys, tidewire; print(*sys.modules)").split()
    assert [name for name in chain(FOREIGN, OWN_LATE) if name in loaded] == []


def test_importing_is_silent() -> None:
    assert python("import tidewire") == ""
    assert python("import logging, tidewire; print(logging.getLogger('tidewire').handlers)").count("NullHandler") == 1
