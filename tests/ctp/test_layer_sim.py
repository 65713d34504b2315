"""Market and Trader on the simulated front, through the binding: what users do, as they do it."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import logging
import math
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tidewire import ctp
from tidewire._redact import redact_text
from tidewire.ctp import sim
from tidewire.errors import (
    AuthenticationError,
    ConfigError,
    CtpDisconnected,
    CtpError,
    CtpFlowControl,
    FilterViolation,
    InsufficientFunds,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    StreamClosed,
    Timeout,
    UnknownSymbol,
)
from tidewire.models import OrderStatus

BROKER, USER, PASSWORD, APP, CODE = "9999", "u1", "open-sesame-77", "app_1.0", "0123456789abcdef"
WAIT_S = 10.0


@pytest.fixture
def front() -> Iterator[sim.Front]:
    """A front whose clock stands still and whose quotes are ours."""
    with sim.Front(clock=0, query_rate=100_000, market="still") as front:
        front.add_user(BROKER, USER, PASSWORD, app_id=APP, auth_code=CODE)
        yield front


@pytest.fixture
def rb(front) -> str:
    """A contract of SHFE."""
    return contract(front, "rb")


def contract(front: sim.Front, product: str) -> str:
    return next(row["InstrumentID"] for row in front.instruments() if row["ProductID"] == product)


def trader(front: sim.Front, folder, **options) -> ctp.Trader:
    words = {"password": PASSWORD, "app_id": APP, "auth_code": CODE, "timeout": WAIT_S, **options}
    return ctp.Trader(front.address, BROKER, USER, library="sim", flow_folder=folder / "flow", **words)


def market(front: sim.Front, **options) -> ctp.Market:
    return ctp.Market(
        front.address, broker_id=BROKER, user_id=USER, password=PASSWORD, library="sim", timeout=WAIT_S, **options
    )


def until(stream, wanted):
    """Read a stream until something wanted comes; return it and all before."""
    seen = []
    while not wanted(item := stream.next(WAIT_S)):
        seen.append(item)
    return item, seen


def price_of(front: sim.Front, symbol: str) -> float:
    return next(row["LastPrice"] for row in front.ticks() if row["InstrumentID"] == symbol)


def quote(front: sim.Front, symbol: str, bid: float, ask: float, **volumes) -> None:
    front.quote(symbol, bid=bid, ask=ask, **volumes)


# Logging in.


def test_an_account_in_five_lines(front, tmp_path):
    with trader(front, tmp_path) as account:
        assert account.state == "ready"
        assert account.trading_day is not None
        money = account.fetch_account()
        assert money.balance == money.available == Decimal(10_000_000)
        assert account.fetch_positions() == []
        assert account.fetch_orders() == account.fetch_fills() == []
    assert account.state == "closed"
    with pytest.raises(StreamClosed):
        account.fetch_account()


@pytest.mark.parametrize("wrong", [{"password": "wrong-word-1"}, {"auth_code": "wrong-code-1"}])
def test_a_wrong_word_is_refused_once_and_never_shown(front, tmp_path, caplog, wrong):
    caplog.set_level(logging.DEBUG)
    before = threading.active_count()
    refused = trader(front, tmp_path, **wrong)
    with pytest.raises(AuthenticationError) as caught, refused:
        raise AssertionError
    (secret,) = wrong.values()
    assert secret not in caplog.text + repr(refused) + str(caught.value) + repr(caught.value)
    assert threading.active_count() == before
    with trader(front, tmp_path):  # the folder is free again
        pass


def test_nobody_listens(tmp_path):
    with pytest.raises(Timeout, match="no front answered"), ctp.Market("tcp://127.0.0.1:9", library="sim", timeout=0.3):
        raise AssertionError


@pytest.mark.parametrize("address", ["127.0.0.1:41213", "", "tcp://127.0.0.1", "http://127.0.0.1:1"])
def test_bad_addresses(address, tmp_path):
    with pytest.raises(ConfigError), ctp.Trader(address, "1", "2", "3", library="sim", flow_folder=tmp_path):
        raise AssertionError


def test_two_sessions_cannot_share_a_folder(front, tmp_path):
    with trader(front, tmp_path):
        with pytest.raises(ConfigError, match="in use"), trader(front, tmp_path):
            raise AssertionError


def test_a_session_is_opened_once(front, tmp_path):
    with trader(front, tmp_path) as account:
        with pytest.raises(ConfigError, match="opened once"):
            account.open()
        assert account.state == "ready"
    with pytest.raises(ConfigError, match="opened once"):
        account.open()


def test_a_system_that_starts_is_waited_for(front, tmp_path):
    front.fail_next("login", 7)
    with trader(front, tmp_path) as account:
        assert account.state == "ready"


@pytest.mark.parametrize("reason", [0x1001, 0x1002, 0x2001, 0x2002, 0x2003])
def test_every_disconnection_is_told_and_mended(front, tmp_path, reason):
    with trader(front, tmp_path) as account, account.watch_connection() as connection:
        account.wait_synced()
        front.disconnect(reason)
        lost, _ = until(connection, lambda each: each.state == "offline")
        assert lost.code == reason
        assert f"0x{reason:04x}" in lost.reason
        with pytest.raises(CtpDisconnected, match="nothing was sent"):
            account.create_order("rb2610", side="buy", quantity=1, price=1, offset="open")
        front.advance(2)
        until(connection, lambda each: each.state == "ready")
        assert account.fetch_account().balance == 10_000_000


def test_a_key_that_cannot_be_agreed_on(front, tmp_path):
    front.fail_next("handshake", 4040, times=1000)
    with pytest.raises(CtpError) as caught, trader(front, tmp_path, timeout=0.3):
        raise AssertionError
    assert caught.value.error_id == 4040


def test_a_password_that_is_too_long_is_not_shown(front, tmp_path, caplog):
    secret = "correct-horse-battery-staple-" * 3
    with pytest.raises(ConfigError) as caught, trader(front, tmp_path, password=secret):
        raise AssertionError
    assert secret[:20] not in caplog.text + repr(caught.value)


def test_secrets_are_hidden_from_every_log(tmp_path):
    words = {"library": tmp_path / "nowhere.so", "flow_folder": tmp_path}
    ctp.Trader("tcp://127.0.0.1:1", "9999", "u1", "hush-hush-11", "app", "fedcba9876543210", **words)
    ctp.Market("tcp://127.0.0.1:1", password="tell-nobody-12", library=tmp_path / "nowhere.so")
    for secret in ("hush-hush-11", "fedcba9876543210", "tell-nobody-12"):
        assert redact_text(f"sent {secret} to") == "sent *** to"


def test_no_front_is_no_front():
    with pytest.raises(ConfigError, match="at least one front"):
        ctp.Market([], library="sim")


@pytest.mark.parametrize(("fault", "code"), [("return", -2), ("return", -3), ("query", 90)])
def test_a_front_that_is_busy_is_asked_again(front, tmp_path, fault, code):
    with trader(front, tmp_path) as account:
        account.wait_synced()
        front.fail_next(fault, code, times=3)
        assert account.fetch_account().balance == 10_000_000


@pytest.mark.parametrize("code", [-2, -3])
def test_an_order_that_comes_too_fast_was_not_sent(front, tmp_path, rb, code):
    with trader(front, tmp_path) as account:
        account.wait_synced()
        account.instrument(rb)
        front.fail_next("return", code)
        with pytest.raises(CtpFlowControl, match="nothing was sent"):
            account.create_order(rb, side="buy", quantity=1, price=3000, offset="open")
        assert account.orders() == []


# Orders.


def test_an_order_from_the_cradle_to_the_grave(front, tmp_path, rb):
    quote(front, rb, 3000, 3001, ask_volume=2)
    with trader(front, tmp_path) as account, account.watch_fills() as fills:
        account.wait_synced()
        order = account.create_order(rb, side="buy", quantity=5, price=3001, offset="open", client_order_id="mine")
        assert (order.symbol, order.exchange, order.client_order_id) == (rb, "SHFE", "mine")
        first = fills.next(WAIT_S)
        assert (first.price, first.quantity, first.client_order_id) == (Decimal(3001), 2, "mine")
        done = account.cancel_order(client_order_id="mine")
        assert (done.status, done.filled, done.average_price) == (OrderStatus.CANCELED, 2, Decimal(3001))
        assert done.order_id.startswith("SHFE:")
        with pytest.raises(OrderNotFound):
            account.cancel_order(order_id=done.order_id)
        (position,) = account.fetch_positions()
        assert (position.side, position.quantity, position.today) == ("long", 2, 2)
        assert position.entry_price == Decimal(3001)


@pytest.mark.parametrize(
    ("words", "status", "filled"),
    [
        ({"time_in_force": "fak"}, OrderStatus.CANCELED, 2),
        ({"time_in_force": "fok"}, OrderStatus.CANCELED, 0),
        ({"time_in_force": "fok", "quantity": 2}, OrderStatus.FILLED, 2),
    ],
)
def test_at_once_or_not_at_all(front, tmp_path, rb, words, status, filled):
    quote(front, rb, 3000, 3001, ask_volume=2)
    with trader(front, tmp_path) as account, account.watch_orders() as orders:
        account.create_order(rb, side="buy", price=3001, offset="open", **{"quantity": 5, **words})
        end, _ = until(orders, lambda order: order.status.is_final and order.filled == filled)
        assert end.status is status


def test_a_conditional_order_waits_and_becomes_another(front, tmp_path, rb):
    quote(front, rb, 3000, 3001, last=3000)
    with trader(front, tmp_path) as account, account.watch_orders() as orders:
        waiting = account.create_order(
            rb,
            side="buy",
            quantity=1,
            price=3020,
            offset="open",
            stop_price=3010,
            trigger="last>=",
            client_order_id="mine",
        )
        assert (waiting.status, waiting.trigger, waiting.stop_price) == (OrderStatus.OPEN, "last>=", Decimal(3010))
        quote(front, rb, 3010, 3011, last=3010)
        front.advance(1)
        seen = {}
        until(orders, lambda order: seen.update({order.order_id: order}) or order.filled == 1)
        first, child = seen[waiting.order_id], next(order for order in seen.values() if order.parent)
        assert (first.status, child.parent) == (OrderStatus.EXPIRED, waiting.order_id)
        assert (child.status, child.filled, child.trigger) == (OrderStatus.FILLED, 1, None)


def test_a_conditional_order_is_cancelled_by_our_name(front, tmp_path, rb):
    quote(front, rb, 3000, 3001, last=3000)
    with trader(front, tmp_path) as account:
        words = {"side": "sell", "quantity": 1, "price": 2900, "offset": "open"}
        account.create_order(rb, **words, stop_price=2950, trigger="bid<=", client_order_id="mine")
        assert account.cancel_order(client_order_id="mine").status is OrderStatus.CANCELED


def test_a_market_order(front, tmp_path):
    symbol = contract(front, "IF")
    quote(front, symbol, 4000, 4000.2, ask_volume=3)
    with trader(front, tmp_path) as account, account.watch_orders() as orders:
        account.create_order(symbol, side="buy", quantity=5, type="market", offset="open")
        end, _ = until(orders, lambda order: order.status.is_final and order.fills)
        assert (end.status, end.price, end.average_price) == (OrderStatus.CANCELED, None, Decimal("4000.2"))


def test_what_breaks_the_rules_is_refused_here(front, tmp_path, rb):
    with trader(front, tmp_path) as account:
        with pytest.raises(FilterViolation, match="not a multiple"):
            account.create_order(rb, side="buy", quantity=1, price="3000.5", offset="open")
        with pytest.raises(UnknownSymbol):
            account.create_order("nosuch99", side="buy", quantity=1, price=1, offset="open")
        with pytest.raises(FilterViolation, match="never opens"):
            account.create_order(rb, side="sell", quantity=1, price=3000, offset="auto")
    assert front.orders(USER) == []


def test_who_refused_and_why(front, tmp_path, rb):
    gold = contract(front, "au")
    quote(front, rb, 3000, 3001)
    quote(front, gold, 600, 600.02)
    with trader(front, tmp_path) as account, account.watch_orders() as orders:
        with pytest.raises(InsufficientFunds) as by_ctp:
            account.create_order(gold, side="buy", quantity=500, price=600, offset="open")
        assert (by_ctp.value.venue, by_ctp.value.code) == ("ctp", 31)
        assert "资金不足" in by_ctp.value.message
        front.fail_next("exchange order")
        with pytest.raises(OrderRejected) as by_exchange:
            account.create_order(rb, side="buy", quantity=1, price=3000, offset="open")
        assert by_exchange.value.venue == "SHFE"
        told = [until(orders, lambda order: order.status is OrderStatus.REJECTED)[0].rejected_by for _ in range(2)]
        assert told == ["ctp", "exchange"]
        front.fail_next("order", 15)
        with pytest.raises(OrderRejected):
            account.create_order(rb, side="buy", quantity=1, price=3000, offset="open")


def test_a_refused_cancel(front, tmp_path, rb):
    quote(front, rb, 3000, 3001)
    with trader(front, tmp_path) as account:
        order = account.create_order(rb, side="buy", quantity=1, price=2990, offset="open")
        for fault, venue in (("cancel", "ctp"), ("exchange cancel", "SHFE")):
            front.fail_next(fault, 26)
            with pytest.raises(OrderRejected) as caught:
                account.cancel_order(order_id=order.order_id)
            assert caught.value.venue == venue
        assert account.cancel_order(order_id=order.order_id).status is OrderStatus.CANCELED


@pytest.mark.parametrize(("product", "offsets"), [("rb", ["close_yesterday", "close_today"]), ("m", ["close"])])
def test_auto_closes_as_each_exchange_wants_it(front, tmp_path, product, offsets):
    symbol = contract(front, product)
    quote(front, symbol, 3000, 3001, bid_volume=100, ask_volume=100)
    with trader(front, tmp_path) as account, account.watch_connection() as connection:
        account.create_order(symbol, side="buy", quantity=2, price=3001, offset="open")
        front.next_day()
        until(connection, lambda each: each.state == "offline")
        front.advance(2)
        until(connection, lambda each: each.state == "ready")
        quote(front, symbol, 3000, 3001, bid_volume=100, ask_volume=100)
        account.wait_synced()
        with account.watch_orders() as changes:
            account.create_order(symbol, side="buy", quantity=3, price=3001, offset="open")
            until(changes, lambda order: order.filled == 3)
        orders = account.create_order(symbol, side="sell", quantity=4, price=3000, offset="auto")
        assert [order.offset for order in orders] == offsets
        assert sum(order.quantity for order in orders) == 4
        with pytest.raises(FilterViolation, match="never opens"):
            account.create_order(symbol, side="sell", quantity=2, price=3000, offset="auto")
        account.create_order(symbol, side="sell", quantity=1, price=3000, offset="auto")
        front.drain()
        assert account.fetch_positions() == []


def test_a_lost_answer_is_resolved(front, tmp_path, rb):
    quote(front, rb, 3000, 3001)
    with trader(front, tmp_path) as account, account.watch_connection() as connection:
        account.wait_synced()
        account.instrument(rb)
        front.delay_exchanges(60)
        order = account.create_order(rb, side="buy", quantity=1, price=2990, offset="open", wait=False)
        front.disconnect(0x2001)
        until(connection, lambda each: each.state == "offline")
        front.delay_exchanges(0)
        front.advance(2)
        until(connection, lambda each: each.state == "ready")
        unknown = OutcomeUnknown(client_order_id=order.client_order_id, symbol=rb)
        assert account.resolve_order(unknown, timeout=WAIT_S).client_order_id == order.client_order_id
        with pytest.raises(OrderNotFound):
            account.resolve_order(OutcomeUnknown(client_order_id="nosuch", symbol=rb), timeout=0)


def test_names_and_fills_survive_a_restart(front, tmp_path, rb):
    quote(front, rb, 3000, 3001, ask_volume=1)
    with trader(front, tmp_path) as account:
        account.create_order(rb, side="buy", quantity=2, price=3001, offset="open", client_order_id="mine")
        front.drain()
        before = account.fetch_orders()
    with trader(front, tmp_path) as account, account.watch_fills() as fills:
        account.wait_synced()
        (order,) = account.orders()
        assert (order.client_order_id, order.filled, order.order_id) == ("mine", 1, before[0].order_id)
        assert order.replayed
        assert [fill.replayed for fill in account.fills()] == [True]
        account.cancel_order(client_order_id="mine")
    assert all(fill.replayed for fill in fills)


def test_the_list_of_instruments(front, tmp_path):
    with trader(front, tmp_path) as account:
        listed = account.fetch_instruments()
        assert len(listed) == len(front.instruments())
        assert {each.exchange for each in listed} == {"SHFE", "INE", "DCE", "CZCE", "CFFEX", "GFEX"}
        assert account.fetch_instruments() is not listed
        assert account.instrument(listed[0].symbol) == listed[0]


async def test_the_same_from_asyncio(front, tmp_path, rb):
    quote(front, rb, 3000, 3001, ask_volume=2)
    async with trader(front, tmp_path) as account, account.watch_orders() as orders:
        await account.wait_synced()
        order = await account.create_order(rb, side="buy", quantity=5, price=3001, offset="open")
        async for change in orders:
            if change.filled == 2:
                break
        done = await account.cancel_order(order_id=order.order_id or change.order_id)
        assert (done.status, done.filled) == (OrderStatus.CANCELED, 2)
        money, positions = await asyncio.gather(account.fetch_account(), account.fetch_positions())
        assert money.margin > 0
        assert positions[0].quantity == 2
        assert await account.cancel_all_orders() == []
        with pytest.raises(FilterViolation):
            await account.create_order(rb, side="sell", quantity=3, price=3000, offset="auto")


def test_the_statement_of_a_day(front, tmp_path):
    with trader(front, tmp_path) as account:
        statement = account.fetch_settlement()
        assert "结算" in statement
        assert "\ufffd" not in statement
        assert "\0" not in statement


def test_both_faces_have_the_same_verbs():
    def verbs(face):
        return {
            name: str(inspect.signature(verb).replace(return_annotation=inspect.Signature.empty))
            for name, verb in vars(face).items()
            if not name.startswith("_") and inspect.isfunction(verb)
        }

    blocking = verbs(ctp.Trader)
    assert blocking.pop("open")
    assert blocking.pop("close")
    assert verbs(ctp.AsyncTrader) == blocking


def test_cancel_all(front, tmp_path, rb):
    quote(front, rb, 3000, 3001)
    with trader(front, tmp_path) as account:
        for price in (2990, 2991, 2992):
            account.create_order(rb, side="buy", quantity=1, price=price, offset="open")
        ended = account.cancel_all_orders()
        assert [order.status for order in ended] == [OrderStatus.CANCELED] * 3


# Ticks.


def test_ticks_in_four_lines(front, rb):
    with market(front) as quotes, quotes.watch_ticks(rb) as ticks:
        front.advance(1)
        quote(front, rb, 3000, 3001, bid_volume=7)
        tick, _ = until(ticks, lambda tick: tick.bid == 3000)
        assert (tick.symbol, tick.bids, tick.asks) == (rb, ((3000.0, 7),), ((3001.0, 10),))
        assert math.isnan(tick.upper_limit) or tick.upper_limit > 0
        assert quotes.latest(rb) == tick


async def test_ticks_from_asyncio_through_a_disconnection(front, rb):
    async with market(front) as quotes, quotes.watch_ticks(rb) as ticks, quotes.watch_connection() as connection:
        quote(front, rb, 3000, 3001)
        async for tick in ticks:
            if tick.bid == 3000:
                break
        front.disconnect(0x1001)
        async for change in connection:
            if change.state == "offline":
                break
        front.advance(2)
        async for change in connection:
            if change.state == "ready":
                break
        quote(front, rb, 3010, 3011)
        async for tick in ticks:
            if tick.bid == 3010:
                break
            quote(front, rb, 3010, 3011)


def test_night_dates_are_repaired(tmp_path):
    start = dt.datetime(2026, 7, 3, 21, 0)  # noqa: DTZ001 - Friday evening, on the simulator's clock
    china = dt.timezone(dt.timedelta(hours=8))
    with sim.Front(clock=0, start=start, query_rate=100_000) as front:
        symbols = [contract(front, product) for product in ("rb", "sc", "m", "SR")]
        with ctp.Market(
            front.address, library="sim", broker_id=sim.BROKER, user_id="1", password=sim.PASSWORD
        ) as quotes:
            with quotes.watch_ticks(*symbols) as ticks:
                front.advance(30)
                front.drain()
                seen = {}
                while len(seen) < 4:
                    tick = ticks.next(WAIT_S)
                    if tick.time_ns is not None and not tick.stale:
                        seen[tick.symbol] = tick
                    elif tick.time_ns is not None:
                        seen.setdefault(tick.symbol, tick)
        for tick in seen.values():
            assert (tick.trading_day, tick.action_day) == (dt.date(2026, 7, 6), dt.date(2026, 7, 3)), tick.symbol
            when = dt.datetime.fromtimestamp(tick.time_ns / 1e9, china).replace(tzinfo=None)
            assert start <= when <= start + dt.timedelta(seconds=31)


def test_an_unknown_instrument_ends_its_readers(front):
    with market(front) as quotes, quotes.watch_ticks("nosuch99") as ticks, pytest.raises((CtpError, TimeoutError)):
        ticks.next(0.5)
