"""ccxt's static cases for Binance, made by somebody else: what we send and how we read, verb by verb.

A case is *offered* when its ccxt method has a verb here and it stays on spot or USD-M without parameters that our verbs
do not take (portfolio margin, inverse contracts, trigger orders …). Every offered case must pass; the table is printed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

import tidewire as tw
from tidewire._call import Call, Request
from tidewire.symbols import Symbol

CREDENTIALS = tw.Credentials("key", "secretsecret")
MS = 1_000_000


class NotOffered(Exception):
    """Our verbs cannot express this case; the text says why."""


def load(fixtures: Path, kind: str) -> dict[str, Any]:
    return json.loads((fixtures / "ccxt" / kind / "binance.json").read_text())


@pytest.fixture(scope="module")
def instruments(fixtures: Path) -> dict[Symbol, tw.Instrument]:
    made = []
    for row in load(fixtures, "markets").values():
        if "precision" not in row:
            continue  # some of ccxt's records are fragments
        try:
            symbol = symbol_of(row["symbol"])
        except NotOffered:
            continue
        tick, lot = (Decimal(str(row["precision"][name])) for name in ("price", "amount"))
        made.append(
            tw.Instrument(
                venue="binance", symbol=symbol, native=row["id"], kind=symbol.kind, tick_size=tick, lot_size=lot
            )
        )
    return {item.symbol: item for item in made}


@pytest.fixture(scope="module")
def binance(instruments: dict[Symbol, tw.Instrument]) -> Any:
    venue = tw.venue("binance")
    venue.learn(instruments.values())
    return venue


def plain(case: dict[str, Any], size: int, offset: int = 0) -> list[Any]:
    """The case's positional arguments, padded; refuses extra ``params``."""
    given = list(case["input"])
    params = next((item for item in given if isinstance(item, dict)), {})
    given = [item for item in given if not isinstance(item, dict)]
    unknown = set(params) - {"clientOrderId", "type", "subType", "postOnly", "reduceOnly", "timeInForce"}
    if unknown:
        raise NotOffered(f"parameters {', '.join(sorted(unknown))}")
    if params.get("subType", "linear") != "linear" or params.get("type", "spot") not in ("spot", "swap", "future"):
        raise NotOffered("another kind of account or contract")
    return [*given, *[None] * (size - len(given)), params]


def symbol_of(text: str | None) -> Symbol | None:
    if text is None:
        return None
    try:
        parsed = Symbol.parse(text)
    except tw.ConfigError as error:
        raise NotOffered("options") from error
    if parsed.settle not in (None, parsed.quote):
        raise NotOffered("inverse contracts")
    return parsed


def since(value: int | None) -> int | None:
    return None if value is None else value * MS


def create_order(venue: Any, case: dict[str, Any], rules: dict[Symbol, tw.Instrument]) -> Call[Any]:
    text, type_, side, amount, price, params = plain(case, 5)
    symbol = symbol_of(text)
    if type_ not in ("limit", "market"):
        raise NotOffered(f"{type_} orders")
    rule = rules[symbol]
    return venue.create_order(
        symbol,
        side=side,
        type=type_,
        quantity=rule.round_quantity(amount),
        price=None if price is None else rule.round_price(price),
        post_only=params.get("postOnly", False),
        reduce_only=params.get("reduceOnly", False),
        client_order_id=params.get("clientOrderId"),
    )


def by_id(verb: str) -> Callable[..., Call[Any]]:
    def make(venue: Any, case: dict[str, Any], rules: object) -> Call[Any]:
        order_id, symbol, params = plain(case, 2)
        ids = {"client_order_id": params["clientOrderId"]} if "clientOrderId" in params else {"order_id": str(order_id)}
        return getattr(venue, verb)(symbol_of(symbol), **ids)

    return make


def listing(verb: str) -> Callable[..., Call[Any]]:
    def make(venue: Any, case: dict[str, Any], rules: object) -> Call[Any]:
        symbol, start, limit, _ = plain(case, 3)
        if verb == "fetch_open_orders":
            return venue.fetch_open_orders(symbol_of(symbol))
        return getattr(venue, verb)(symbol_of(symbol), start=since(start), limit=limit)

    return make


def one_symbol(verb: str) -> Callable[..., Call[Any]]:
    def make(venue: Any, case: dict[str, Any], rules: object) -> Call[Any]:
        symbol, _ = plain(case, 1)
        return getattr(venue, verb)(symbol_of(symbol))

    return make


def klines(venue: Any, case: dict[str, Any], rules: object) -> Call[Any]:
    symbol, interval, start, limit, _ = plain(case, 4)
    return venue.fetch_klines(symbol_of(symbol), interval or "1m", start=since(start), limit=limit)


def book(venue: Any, case: dict[str, Any], rules: object) -> Call[Any]:
    symbol, depth, _ = plain(case, 2)
    return venue.fetch_book(symbol_of(symbol), *([] if depth is None else [depth]))


def balances(venue: Any, case: dict[str, Any], rules: object) -> Call[Any]:
    *_, params = plain(case, 0)
    return venue.fetch_balances(kind="spot" if params.get("type", "spot") == "spot" else "linear")


def positions(venue: Any, case: dict[str, Any], rules: object) -> Call[Any]:
    plain(case, 1)
    return venue.fetch_positions()


def tickers(venue: Any, case: dict[str, Any], rules: object) -> Call[Any]:
    symbols, _ = plain(case, 1)
    return venue.fetch_tickers(None if symbols is None else [symbol_of(symbol) for symbol in symbols])


METHODS: dict[str, Callable[..., Call[Any]]] = {
    "createOrder": create_order,
    "cancelOrder": by_id("cancel_order"),
    "cancelOrderWithClientOrderId": by_id("cancel_order"),
    "fetchOrder": by_id("fetch_order"),
    "cancelAllOrders": one_symbol("cancel_all_orders"),
    "fetchOpenOrders": listing("fetch_open_orders"),
    "fetchOrders": listing("fetch_orders"),
    "fetchMyTrades": listing("fetch_fills"),
    "fetchFundingRateHistory": listing("fetch_funding_history"),
    "fetchOHLCV": klines,
    "fetchOrderBook": book,
    "fetchBalance": balances,
    "fetchPositions": positions,
    "fetchPositionsRisk": positions,
    "fetchTickers": tickers,
    "fetchTicker": one_symbol("fetch_ticker"),
    "fetchFundingRate": one_symbol("fetch_funding_rate"),
    "fetchMarkPrice": one_symbol("fetch_funding_rate"),
    "fetchOpenInterest": one_symbol("fetch_open_interest"),
    "fetchTime": lambda venue, case, rules: venue.server_time(),
}


def call_of(venue: Any, case: dict[str, Any], rules: dict[Symbol, tw.Instrument]) -> Call[Any]:
    make = METHODS.get(case["method"])
    if make is None:
        raise NotOffered("no such verb")
    return make(venue, case, rules)


def wire(method: str, url: str, body: str | None, skip: set[str]) -> tuple[str, str, Counter[tuple[str, str]]]:
    parts = urlsplit(url)
    params = parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(body or "", keep_blank_values=True)
    kept = Counter((name, value) for name, value in params if name not in skip)
    return method, f"{parts.netloc}{parts.path}", kept


def check_signature(request: Request, secret: str) -> None:
    """Recompute the HMAC over what is really sent: everything before ``&signature=``, query first, then body."""
    text = urlsplit(request.url).query + request.body.decode()
    payload, _, signature = text.rpartition("&signature=")
    assert hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest() == signature


def print_table(title: str, verdicts: dict[str, str], out: Any) -> None:
    counts = Counter(verdict.partition(":")[0] for verdict in verdicts.values())
    with out.disabled():
        print(f"\n{title}: {counts['passed']} passed, {counts['failed']} failed, {counts['not offered']} not offered")
        reasons = Counter(text.partition(": ")[2] for text in verdicts.values() if text.startswith("not offered"))
        for reason, count in reasons.most_common():
            print(f"    {count:3} × {reason}")
    assert not [f"{name} — {text}" for name, text in verdicts.items() if text.startswith("failed")]
    assert counts["passed"]


def test_requests(fixtures: Path, binance: Any, instruments: dict[Symbol, tw.Instrument], capsys: Any) -> None:
    signed = load(fixtures, "signed")
    skip = {*load(fixtures, "request")["skipKeys"]}
    verdicts: dict[str, str] = {}
    for number, case in enumerate(signed["cases"]):
        name = f"{number} {case['method']} ({case['description']})"
        theirs = case["http"]
        try:
            call = call_of(binance, case, instruments)
        except NotOffered as why:
            verdicts[name] = f"not offered: {why}"
            continue
        request = call.signed(CREDENTIALS, signed["clockMs"] * MS)
        ours = wire(request.method, request.url, request.body.decode(), skip)
        expected = wire(theirs["verb"], theirs["url"], theirs["body"], skip)
        verdicts[name] = "passed" if ours == expected else f"failed: {ours} is not {expected}"
        if "signature" in theirs["url"] + (theirs["body"] or ""):
            check_signature(request, signed["secret"])
            assert request.headers["X-MBX-APIKEY"] == signed["apiKey"]
    print_table("ccxt request cases, binance", verdicts, capsys)


def same(ours: Any, theirs: Any) -> bool:
    """Equal numbers; ccxt's are floats, and ``None`` on their side asserts nothing."""
    if theirs is None:
        return True
    if isinstance(ours, Decimal):
        return float(ours) == float(theirs)
    return ours == theirs


def agree_order(order: tw.Order, theirs: dict[str, Any]) -> list[str]:
    statuses = {
        "open": {"open", "partial", "pending"},
        "closed": {"filled"},
        "canceled": {"canceled"},
        "expired": {"expired"},
    }
    pairs = {
        "id": (order.order_id, theirs["id"]),
        "clientOrderId": (order.client_order_id, theirs["clientOrderId"]),
        "symbol": (order.symbol, Symbol.parse(theirs["symbol"])),
        "side": (str(order.side), theirs["side"]),
        "amount": (order.quantity, theirs["amount"]),
        "filled": (order.filled, theirs["filled"]),
        "cost": (order.quote_filled, theirs["cost"]),
        "average": (order.average_price, theirs["average"]),
        "status": (str(order.status) in statuses[theirs["status"]], True),
        "updated": (order.updated_ns, since(theirs["lastUpdateTimestamp"])),
    }
    return [f"{name}: {ours} is not {other}" for name, (ours, other) in pairs.items() if not same(ours, other)]


def agree_ticker(ticker: tw.Ticker, theirs: dict[str, Any]) -> list[str]:
    names = {"bid": "bid", "ask": "ask", "bid_quantity": "bidVolume", "ask_quantity": "askVolume", "last": "last"}
    names |= {"open": "open", "high": "high", "low": "low", "volume": "baseVolume", "quote_volume": "quoteVolume"}
    return [f"{a}: {getattr(ticker, a)}" for a, b in names.items() if not same(getattr(ticker, a), theirs[b])]


def agree(value: Any, theirs: Any) -> list[str]:
    """What of our value differs from ccxt's unified reading of the same answer."""
    if isinstance(value, tw.Order):
        return agree_order(value, theirs)
    if isinstance(value, tw.Ticker):
        return agree_ticker(value, theirs)
    if isinstance(value, tw.BookSnapshot):
        levels = {"bids": value.bids, "asks": value.asks}
        ours = {side: [[float(row.price), float(row.quantity)] for row in rows] for side, rows in levels.items()}
        return [side for side in levels if ours[side] != theirs[side]]
    if isinstance(value, tw.Klines):
        columns = (value.open_time // MS, value.open, value.high, value.low, value.close, value.volume)
        return [] if [list(row) for row in zip(*(c.tolist() for c in columns), strict=True)] == theirs else ["rows"]
    if isinstance(value, list) and value and isinstance(value[0], tw.Order):
        ordered = sorted(theirs, key=lambda row: row["timestamp"])
        return [text for ours, other in zip(value, ordered, strict=True) for text in agree_order(ours, other)]
    if isinstance(value, list) and value and isinstance(value[0], tw.Balance):
        return [row.asset for row in value if not same(row.total, theirs[row.asset]["total"])]
    raise AssertionError(f"no comparison for {type(value).__name__}")


def test_responses(fixtures: Path, binance: Any, instruments: dict[Symbol, tw.Instrument], capsys: Any) -> None:
    verdicts: dict[str, str] = {}
    for method, cases in load(fixtures, "response")["methods"].items():
        for number, case in enumerate(cases):
            name = f"{method} {number} ({case['description']})"
            body = json.dumps(case["httpResponse"]).encode()
            try:
                call = call_of(binance, {"method": method, **case}, instruments)
            except NotOffered as why:
                # How an order was asked for does not change how its answer reads.
                if "orderId" not in case["httpResponse"]:
                    verdicts[name] = f"not offered: {why}"
                    continue
                call = binance.fetch_order(case["input"][0], order_id="0")
            differences = agree(call.parse(body), case["parsedResponse"])
            verdicts[name] = f"failed: {'; '.join(differences)}" if differences else "passed"
    print_table("ccxt response cases, binance", verdicts, capsys)
