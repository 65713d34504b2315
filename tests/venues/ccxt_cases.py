"""ccxt's static cases, made by somebody else: what each verb sends and how it reads answers. Shared by all venues.

A case is *offered* when its ccxt method has a verb here and it needs no parameters that our verbs do not take (those of
portfolio margin, inverse contracts, trigger orders …). Every offered case must pass; the table is printed. What is not
offered has a reason, in ``not_offered`` or beside the case's method.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import tidewire as tw
from tidewire._call import Call, Request
from tidewire.symbols import Symbol

from . import not_offered

MS = 1_000_000
PARAMETERS = frozenset({"clientOrderId", "type", "subType", "postOnly", "reduceOnly", "timeInForce"})
"""What ccxt's ``params`` may hold that our verbs take too."""


class NotOffered(Exception):
    """Our verbs cannot express this case; the text says why."""


Make = Callable[["Cases", dict[str, Any]], Call[Any]]
Otherwise = Callable[["Cases", dict[str, Any]], Call[Any] | None]


@dataclass
class Cases:
    """One venue's cases, and our venue that has to meet them. ``methods`` maps ccxt's methods to our calls.

    ``adds`` names parameters that we send and ccxt does not: the venue's test says why.
    """

    name: str
    fixtures: Path
    methods: Mapping[str, Make]
    credentials: tw.Credentials = field(default_factory=lambda: tw.Credentials("key", "secretsecret", "password"))
    adds: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.rules = {item.symbol: item for item in self._instruments()}
        self.venue = tw.venue(self.name)
        self.venue.learn(self.rules.values())

    def load(self, kind: str) -> dict[str, Any]:
        return json.loads((self.fixtures / "ccxt" / kind / f"{self.name}.json").read_text())

    def _instruments(self) -> Iterable[tw.Instrument]:
        for row in self.load("markets").values():
            if "precision" not in row:
                continue  # some of ccxt's records are fragments
            try:
                symbol = symbol_of(row["symbol"])
            except NotOffered:
                continue
            size = Decimal(str(row.get("contractSize") or 1))
            yield tw.Instrument(
                venue=self.name,
                symbol=symbol,
                native=row["id"],
                kind=symbol.kind,
                tick_size=Decimal(str(row["precision"]["price"])),
                lot_size=Decimal(str(row["precision"]["amount"])) * size,
                contract_size=size,
            )

    def call(self, case: dict[str, Any]) -> Call[Any]:
        make = self.methods.get(case["method"])
        if make is None:
            raise NotOffered(not_offered.METHODS[case["method"]])
        return make(self, case)

    def requests(self, check_signature: Callable[[Request, dict[str, Any]], None], out: Any) -> None:
        """Compare verb, host, path and parameters of every request; have signatures checked where theirs has one."""
        signed = self.load("signed")
        skip = {*self.load("request")["skipKeys"], *self.adds}
        verdicts: dict[str, str] = {}
        for number, case in enumerate(signed["cases"]):
            name = f"{number} {case['method']} ({case['description']})"
            theirs = case["http"]
            try:
                call = self.call(case)
            except NotOffered as why:
                verdicts[name] = f"not offered: {why}"
                continue
            request = call.signed(self.credentials, signed["clockMs"] * MS)
            ours = wire(request.method, request.url, request.body.decode(), skip)
            expected = wire(theirs["verb"], theirs["url"], theirs["body"], skip)
            verdicts[name] = "passed" if ours == expected else f"failed: {ours} is not {expected}"
            if call.signer is not None:
                check_signature(request, signed)
        print_table(f"ccxt request cases, {self.name}", verdicts, out)

    def responses(self, out: Any, otherwise: Otherwise | None = None) -> None:
        """Compare what we read from every recorded answer. ``otherwise`` may know a call for cases not offered."""
        verdicts: dict[str, str] = {}
        for method, cases in self.load("response")["methods"].items():
            for number, case in enumerate(cases):
                name = f"{method} {number} ({case['description']})"
                whole = {"method": method, **case}
                try:
                    call = self._readable(whole, otherwise)
                except NotOffered as why:
                    verdicts[name] = f"not offered: {why}"
                    continue
                value = call.parse(json.dumps(case["httpResponse"]).encode())
                differences = self.agree(value, case["parsedResponse"])
                verdicts[name] = f"failed: {'; '.join(differences)}" if differences else "passed"
                if differences and case.get("disabled"):  # OKX: an LTC contract was a thousandth of today's
                    verdicts[name] = "not offered: switched off by ccxt itself, which no longer reads it so"
        print_table(f"ccxt response cases, {self.name}", verdicts, out)

    def _readable(self, case: dict[str, Any], otherwise: Otherwise | None) -> Call[Any]:
        try:
            return self.call(case)
        except NotOffered:
            found = None if otherwise is None else otherwise(self, case)
            if found is None:
                raise
            return found

    def size(self, symbol: Symbol) -> Decimal:
        """Base units of one of ccxt's amounts, which are contracts where the venue counts them."""
        return self.rules[symbol].contract_size if symbol in self.rules else Decimal(1)

    # Agreement: equal numbers; ccxt's are floats, and ``None`` on their side asserts nothing.

    def agree(self, value: Any, theirs: Any) -> list[str]:
        """What of our value differs from ccxt's unified reading of the same answer."""
        if isinstance(value, int):
            return [] if value == theirs * MS else [f"{value} is not {theirs}"]
        if isinstance(value, tw.BookSnapshot):
            levels = {"bids": value.bids, "asks": value.asks}
            ours = {side: [[float(row.price), float(row.quantity)] for row in rows] for side, rows in levels.items()}
            return [side for side in levels if ours[side] != theirs[side]]
        if isinstance(value, tw.Klines):
            columns = (value.open_time // MS, value.open, value.high, value.low, value.close, value.volume)
            rows = [list(row) for row in zip(*(c.tolist() for c in columns), strict=True)]
            return [] if rows == theirs else ["rows"]
        if isinstance(value, list):
            return self._agree_rows(value, theirs)
        pairs = self._pairs(value, theirs)
        return [f"{name}: {ours} is not {other}" for name, (ours, other) in pairs.items() if not same(ours, other)]

    def _agree_rows(self, value: list[Any], theirs: Any) -> list[str]:
        if not value:
            return [] if not theirs else ["we read no rows"]
        if isinstance(value[0], tw.Balance):
            return [row.asset for row in value if not same(row.total, theirs[row.asset]["total"])]
        rows = theirs if isinstance(theirs, list) else [theirs]
        ordered = sorted(rows, key=lambda row: row["timestamp"])
        return [text for ours, other in zip(value, ordered, strict=True) for text in self.agree(ours, other)]

    def _pairs(self, value: Any, theirs: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        symbol = (value.symbol, Symbol.parse(theirs["symbol"]))
        return {"symbol": symbol, **PAIRS[type(value)](value, theirs, self.size(value.symbol))}


def same(ours: Any, theirs: Any) -> bool:
    if theirs is None:
        return True
    if isinstance(ours, Decimal):
        return float(ours) == float(theirs)
    return ours == theirs


def times(number: float | None, size: Decimal) -> Decimal | None:
    return None if number is None else Decimal(str(number)) * size


def order_pairs(order: tw.Order, theirs: dict[str, Any], size: Decimal) -> dict[str, tuple[Any, Any]]:
    statuses = {
        "open": {"open", "partial", "pending"},
        "closed": {"filled"},
        "canceled": {"canceled"},
        "expired": {"expired"},
    }
    return {
        "id": (order.order_id, theirs["id"]),
        "clientOrderId": (order.client_order_id, theirs["clientOrderId"]),
        "side": (str(order.side), theirs["side"]),
        "amount": (order.quantity, times(theirs["amount"], size)),
        "filled": (order.filled, times(theirs["filled"], size)),
        "cost": (order.quote_filled, theirs["cost"]),
        "average": (order.average_price, theirs["average"]),
        "status": (str(order.status) in statuses[theirs["status"]], True),
        "updated": (order.updated_ns, since(theirs["lastUpdateTimestamp"])),
    }


def ticker_pairs(ticker: tw.Ticker, theirs: dict[str, Any], size: Decimal) -> dict[str, tuple[Any, Any]]:
    names = {"bid": "bid", "ask": "ask", "last": "last", "open": "open", "high": "high", "low": "low"}
    names |= {"volume": "baseVolume", "quote_volume": "quoteVolume"}
    sizes = {"bid_quantity": "bidVolume", "ask_quantity": "askVolume"}
    return {
        **{a: (getattr(ticker, a), theirs[b]) for a, b in names.items()},
        **{a: (getattr(ticker, a), times(theirs[b], size)) for a, b in sizes.items()},
    }


def trade_pairs(trade: tw.Trade, theirs: dict[str, Any], size: Decimal) -> dict[str, tuple[Any, Any]]:
    return {
        "id": (trade.trade_id, theirs["id"]),
        "side": (str(trade.side), theirs["side"]),
        "price": (trade.price, theirs["price"]),
        "amount": (trade.quantity, times(theirs["amount"], size)),
        "time": (trade.time_ns, since(theirs["timestamp"])),
    }


def fill_pairs(fill: tw.Fill, theirs: dict[str, Any], size: Decimal) -> dict[str, tuple[Any, Any]]:
    fee = theirs["fee"] or {}
    return {
        "id": (fill.fill_id, theirs["id"]),
        "order": (fill.order_id, theirs["order"]),
        "side": (str(fill.side), theirs["side"]),
        "price": (fill.price, theirs["price"]),
        "amount": (fill.quantity, times(theirs["amount"], size)),
        "maker": ("maker" if fill.maker else "taker", theirs["takerOrMaker"]),
        "fee": (fill.fee, fee.get("cost")),
        "fee asset": (fill.fee_asset, fee.get("currency")),
    }


def position_pairs(position: tw.Position, theirs: dict[str, Any], size: Decimal) -> dict[str, tuple[Any, Any]]:
    return {
        "quantity": (abs(position.quantity), times(theirs["contracts"], size)),
        "side": ("short" if position.quantity < 0 else "long", theirs["side"]),
        "entry": (position.entry_price, theirs["entryPrice"]),
        "mark": (position.mark_price, theirs["markPrice"]),
        "liquidation": (position.liquidation_price, theirs["liquidationPrice"]),
        "profit": (position.unrealized_pnl, theirs["unrealizedPnl"]),
        "leverage": (position.leverage, theirs["leverage"]),
        "margin mode": (position.margin_mode, theirs["marginMode"]),
    }


def interest_pairs(interest: tw.OpenInterest, theirs: dict[str, Any], size: Decimal) -> dict[str, tuple[Any, Any]]:
    return {
        "contracts": (interest.contracts, theirs["openInterestAmount"]),
        "base": (interest.quantity, theirs["baseVolume"]),
        "time": (interest.time_ns, since(theirs["timestamp"])),
    }


PAIRS: dict[type, Callable[[Any, dict[str, Any], Decimal], dict[str, tuple[Any, Any]]]] = {
    tw.Order: order_pairs,
    tw.Ticker: ticker_pairs,
    tw.Trade: trade_pairs,
    tw.Fill: fill_pairs,
    tw.Position: position_pairs,
    tw.OpenInterest: interest_pairs,
}


# ccxt's arguments as ours.


def plain(case: dict[str, Any], size: int) -> list[Any]:
    """The case's positional arguments, padded, then its ``params``; refuses those that our verbs do not take."""
    given = list(case["input"])
    params = next((item for item in given if isinstance(item, dict)), {})
    given = [item for item in given if not isinstance(item, dict)]
    unknown = set(params) - PARAMETERS
    if unknown:
        raise NotOffered("; ".join(sorted({not_offered.PARAMETERS[name] for name in unknown})))
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


def create_order(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    text, type_, side, amount, price, params = plain(case, 5)
    symbol = symbol_of(text)
    if type_ not in ("limit", "market"):
        raise NotOffered(f"{type_} orders")
    rule = cases.rules[symbol]
    return cases.venue.create_order(
        symbol,
        side=side,
        type=type_,
        quantity=rule.round_quantity(times(amount, rule.contract_size)),
        price=None if price is None else rule.round_price(price),
        post_only=params.get("postOnly", False),
        reduce_only=params.get("reduceOnly", False),
        client_order_id=params.get("clientOrderId"),
    )


def by_id(verb: str) -> Make:
    def make(cases: Cases, case: dict[str, Any]) -> Call[Any]:
        order_id, symbol, params = plain(case, 2)
        ids = {"client_order_id": params["clientOrderId"]} if "clientOrderId" in params else {"order_id": str(order_id)}
        return getattr(cases.venue, verb)(symbol_of(symbol), **ids)

    return make


def listing(verb: str) -> Make:
    def make(cases: Cases, case: dict[str, Any]) -> Call[Any]:
        symbol, start, limit, _ = plain(case, 3)
        if verb == "fetch_open_orders":
            return cases.venue.fetch_open_orders(symbol_of(symbol))
        if symbol is None:
            raise NotOffered("all symbols at once")
        return getattr(cases.venue, verb)(symbol_of(symbol), start=since(start), limit=limit)

    return make


def one_symbol(verb: str) -> Make:
    def make(cases: Cases, case: dict[str, Any]) -> Call[Any]:
        symbol, _ = plain(case, 1)
        return getattr(cases.venue, verb)(symbol_of(symbol))

    return make


def klines(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    symbol, interval, start, limit, _ = plain(case, 4)
    return cases.venue.fetch_klines(symbol_of(symbol), interval or "1m", start=since(start), limit=limit)


def book(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    symbol, depth, _ = plain(case, 2)
    return cases.venue.fetch_book(symbol_of(symbol), *([] if depth is None else [depth]))


def trades(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    symbol, start, limit, _ = plain(case, 3)
    if start is not None:
        raise NotOffered("trades since a time")
    return cases.venue.fetch_trades(symbol_of(symbol), *([] if limit is None else [limit]))


def balances(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    *_, params = plain(case, 0)
    return cases.venue.fetch_balances(kind="spot" if params.get("type", "spot") == "spot" else "linear")


def positions(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    plain(case, 1)
    return cases.venue.fetch_positions()


def tickers(cases: Cases, case: dict[str, Any]) -> Call[Any]:
    symbols, _ = plain(case, 1)
    return cases.venue.fetch_tickers(None if symbols is None else [symbol_of(symbol) for symbol in symbols])


METHODS: Mapping[str, Make] = {
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
    "fetchTickers": tickers,
    "fetchTicker": one_symbol("fetch_ticker"),
    "fetchFundingRate": one_symbol("fetch_funding_rate"),
    "fetchOpenInterest": one_symbol("fetch_open_interest"),
    "fetchTradingFee": one_symbol("fetch_trading_fee"),
    "fetchTime": lambda cases, case: cases.venue.server_time(),
}
"""Methods that mean the same on every venue."""


def wire(method: str, url: str, body: str | None, skip: set[str]) -> tuple[str, str, Counter[tuple[str, str]]]:
    """Verb, address, and the multiset of parameters, of query and form or JSON body."""
    parts = urlsplit(url)
    params: list[tuple[str, Any]] = parse_qsl(parts.query, keep_blank_values=True)
    if body and body[0] in "[{":
        read = json.loads(body)
        for number, item in enumerate(read if isinstance(read, list) else [read]):
            params += [(name, f"{number}: {value!r}") for name, value in item.items()]
    else:
        params += parse_qsl(body or "", keep_blank_values=True)
    kept = Counter((name, value) for name, value in params if name not in skip)
    return method, f"{parts.netloc}{parts.path}", kept


def print_table(title: str, verdicts: dict[str, str], out: Any) -> None:
    counts = Counter(verdict.partition(":")[0] for verdict in verdicts.values())
    with out.disabled():
        print(f"\n{title}: {counts['passed']} passed, {counts['failed']} failed, {counts['not offered']} not offered")
        reasons = Counter(text.partition(": ")[2] for text in verdicts.values() if text.startswith("not offered"))
        for reason, count in reasons.most_common():
            print(f"    {count:3} × {reason}")
    failed = [f"{name} — {text}" for name, text in verdicts.items() if text.startswith("failed")]
    assert not failed, "\n".join(failed)
    assert counts["passed"]
