"""Every state that a venue's documents know, read as ours; an order that ended early keeps its fills."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw

State = tw.OrderStatus
UUID = "d0c5340b-6d6c-49d9-b567-48c4bfca13d2"


def binance(state: str, filled: str) -> Any:
    return {"symbol": "BTCUSDT", "orderId": 1, "status": state, "origQty": "1", "executedQty": filled}


def okx(state: str, filled: str) -> Any:
    row = {"instId": "BTC-USDT", "ordId": "1", "state": state, "sz": "1", "accFillSz": filled, "side": "buy"}
    return {"code": "0", "msg": "", "data": [row | {"ordType": "limit", "px": "10", "cTime": "1"}]}


def htx_spot(state: str, filled: str) -> Any:
    row = {"id": 1, "symbol": "btcusdt", "type": "buy-limit", "state": state, "amount": "1", "field-amount": filled}
    return {"status": "ok", "data": row}


def htx_swap(state: str, filled: str) -> Any:
    row = {"order_id": "1", "contract_code": "BTC-USDT", "state": state, "volume": "1", "trade_volume": filled}
    return {"code": 200, "data": row}


def coinbase(state: str, filled: str) -> Any:
    word, _, reason = state.partition(" ")
    row = {"id": UUID, "product_id": "BTC-USDT", "status": word, "size": "1", "filled_size": filled}
    return row | ({"done_reason": reason} if reason else {})


def coinbase_advanced(state: str, filled: str) -> Any:
    row = {"order_id": UUID, "product_id": "BTC-USDT", "status": state, "filled_size": filled}
    return {"order": row | {"order_configuration": {"limit_limit_gtc": {"base_size": "1", "limit_price": "10"}}}}


# Venue, market, writer of an answer, states. Filled in part, what is open is PARTIAL where the venue has no such word.
TABLE: list[tuple[str, str, Callable[[str, str], Any], dict[str, State]]] = [
    (
        "binance",
        "BTC-USDT",
        binance,
        {
            "PENDING_NEW": State.PENDING,
            "NEW": State.OPEN,
            "PARTIALLY_FILLED": State.PARTIAL,
            "FILLED": State.FILLED,
            "CANCELED": State.CANCELED,
            "PENDING_CANCEL": State.CANCELING,
            "EXPIRED": State.EXPIRED,
            "EXPIRED_IN_MATCH": State.EXPIRED,
            "REJECTED": State.REJECTED,
        },
    ),
    (
        "okx",
        "BTC-USDT",
        okx,
        {
            "live": State.OPEN,
            "partially_filled": State.PARTIAL,
            "filled": State.FILLED,
            "canceled": State.CANCELED,
            "mmp_canceled": State.CANCELED,
        },
    ),
    (
        "htx",
        "BTC-USDT",
        htx_spot,
        {
            "created": State.PENDING,
            "submitted": State.OPEN,
            "partial-filled": State.PARTIAL,
            "filled": State.FILLED,
            "canceled": State.CANCELED,
            "partial-canceled": State.CANCELED,
            "canceling": State.CANCELING,
        },
    ),
    (
        "htx",
        "BTC-USDT-PERP",
        htx_swap,
        {
            "new": State.OPEN,
            "active": State.OPEN,
            "partially_filled": State.PARTIAL,
            "filled": State.FILLED,
            "canceled": State.CANCELED,
            "partially_canceled": State.CANCELED,
        },
    ),
    (
        "coinbase",
        "BTC-USDT",
        coinbase,
        {
            "received": State.PENDING,
            "pending": State.PENDING,
            "open": State.OPEN,
            "active": State.OPEN,
            "done filled": State.FILLED,
            "done canceled": State.CANCELED,
            "canceling": State.CANCELING,
            "rejected": State.REJECTED,
        },
    ),
    (
        "coinbase_advanced",
        "BTC-USDT",
        coinbase_advanced,
        {
            "PENDING": State.PENDING,
            "QUEUED": State.PENDING,
            "OPEN": State.OPEN,
            "EDIT_QUEUED": State.OPEN,
            "FILLED": State.FILLED,
            "CANCELLED": State.CANCELED,
            "CANCEL_QUEUED": State.CANCELING,
            "EXPIRED": State.EXPIRED,
            "FAILED": State.REJECTED,
        },
    ),
]
ROWS = [
    pytest.param(venue, symbol, write, word, state, id=f"{venue}-{symbol}-{word}")
    for venue, symbol, write, states in TABLE
    for word, state in states.items()
]


def read(venue: str, symbol: str, answer: Any) -> tw.Order:
    asked = tw.venue(venue)
    market = asked.symbol(symbol)
    if market.kind in asked.spec.contracts:
        native = asked.native_symbol(market)
        one = Decimal(1)
        rules = tw.Instrument(
            venue=venue, symbol=market, native=native, kind=market.kind, tick_size=one, lot_size=one, contract_size=one
        )
        asked.learn([rules])
    order = asked.fetch_order(symbol, order_id=UUID if venue.startswith("coinbase") else "1")
    return order.parse(json.dumps(answer).encode())


def test_every_venue_is_in_the_table() -> None:
    assert {venue for venue, *_ in TABLE} >= set(tw.venues())


@pytest.mark.parametrize("filled", ["0", "0.4"])
@pytest.mark.parametrize(("venue", "symbol", "write", "word", "state"), ROWS)
def test_states(
    venue: str, symbol: str, write: Callable[[str, str], Any], word: str, state: State, filled: str
) -> None:
    order = read(venue, symbol, write(word, filled))
    says_partial = any(State.PARTIAL in states.values() for _, _, w, states in TABLE if w is write)
    expected = State.PARTIAL if state is State.OPEN and filled != "0" and not says_partial else state
    assert order.status is expected
    assert order.filled == Decimal(filled)
    assert order.quantity == 1
    assert order.status.is_final is (expected in {State.FILLED, State.CANCELED, State.EXPIRED, State.REJECTED})


@pytest.mark.parametrize(("venue", "symbol", "write"), [row[:3] for row in TABLE])
def test_a_state_that_nobody_knows_is_not_guessed_at(venue: str, symbol: str, write: Callable[[str, str], Any]) -> None:
    with pytest.raises(tw.DecodeError, match="dreaming"):
        read(venue, symbol, write("dreaming", "0"))
