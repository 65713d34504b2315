"""Coinbase Exchange's stream connections: what a client may ask, and how events look on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from ...._call import Request
from ...._dialect import BalanceUpdate, BookDelta, Disconnect, Event, Exchange, OrderUpdate
from ....models import Level, Side, Ticker, Trade
from ....symbols import Interval, Symbol
from .ask import authenticate, iso
from .refusal import Refusal
from .steps import steps
from .trading import account_id

__all__ = ["CoinbaseSession"]

_LEVELS: Final = ("level2_batch", "level2")
_FOR_KNOWN_CLIENTS: Final = ("level2", "user", "balance")
_CHANNELS: Final = (*_LEVELS, "matches", "ticker", "heartbeat", "user")
_NOT_HERE: Final = ("level3", "full")
_PROOF: Final = {"key": "KEY", "signature": "SIGN", "timestamp": "TIMESTAMP", "passphrase": "PASSPHRASE"}
_MESSAGES_A_SECOND: Final = 100
_SILENT_S: Final = 5
_EVERYTHING: Final = 10**6


class _Complaint(Exception):
    """Why nothing of a command is done."""


class CoinbaseSession:
    """One connection: what it is subscribed to, and by whom. Speaks up once a second where heartbeats are asked for."""

    beat_s = 1.0

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._symbols = {item.native: item.symbol for item in exchange.instruments("spot")}
        self._natives = {symbol: native for native, symbol in self._symbols.items()}
        self._products: dict[str, dict[str, None]] = {name: {} for name in _CHANNELS}
        self._accounts: dict[str, None] = {}
        self._owner: str | None = None
        self._received: list[int] = []
        self._opened_ns = exchange.now_ns()

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[str]:
        """Subscribe and unsubscribe; too many messages in a second end the connection."""
        now = exchange.now_ns()
        self._received = [moment for moment in self._received if now - moment < 10**9] + [now]
        if len(self._received) > _MESSAGES_A_SECOND:
            raise Disconnect(1008, "Too many messages")
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            return [_error("Malformed JSON", "")]
        action = message.get("type")
        if action not in ("subscribe", "unsubscribe"):
            return [_error("Unknown message type", f"{action} is not a valid message type")]
        try:
            wanted = self._wanted(message)
        except _Complaint as complaint:
            return [_error(f"Failed to {action}", str(complaint))]
        if action == "unsubscribe":
            for name, products in wanted:
                if name == "balance":
                    self._accounts.clear()
                    continue
                for product in products or tuple(self._products[name]):
                    self._products[name].pop(product, None)
            return [self._subscriptions()]
        self._accounts |= dict.fromkeys(each for name, ids in wanted for each in ids if name == "balance")
        new = [(name, product) for name, products in wanted for product in products if name != "balance"]
        new = [(name, product) for name, product in new if product not in self._products[name]]
        for name, product in new:
            self._products[name][product] = None
        return [self._subscriptions(), *(frame for name, product in new for frame in self._first(name, product))]

    def publish(self, event: Event) -> Iterator[str]:
        """Every channel of this connection that the event belongs to."""
        match event:
            case BookDelta() if event.bids or event.asks:
                yield from (self._update(event) for name in _LEVELS if self._follows(name, event.symbol))
            case Trade() if self._follows("matches", event.symbol):
                yield self._match("match", event)
            case Ticker() if self._follows("ticker", event.symbol):
                yield self._quotes(event)
            case OrderUpdate() if event.owner == self._owner and self._follows("user", event.order.symbol):
                yield from (_json(step) for step in steps(event, self._exchange))
            case BalanceUpdate() if event.owner == self._owner and event.kind == "spot":
                yield from self._holdings(event)

    def beat(self, exchange: Exchange) -> Iterator[str]:
        """The heartbeats; a connection on which nothing was ever asked for ends after five seconds."""
        if not self._received and exchange.now_ns() - self._opened_ns > _SILENT_S * 10**9:
            raise Disconnect(1000, "no subscribe message")
        for product in self._products["heartbeat"]:
            symbol = self._symbols[product]
            yield _json(
                {
                    "type": "heartbeat",
                    "sequence": self._sequence(symbol),
                    "last_trade_id": int(exchange.trades(symbol, 1)[-1].trade_id),
                    "product_id": product,
                    "time": iso(exchange.now_ns()),
                }
            )

    def symbols(self) -> Iterator[Symbol]:
        """Markets that this connection follows."""
        return (self._symbols[product] for products in self._products.values() for product in products)

    def intervals(self) -> Iterable[tuple[Symbol, Interval]]:
        """The venue streams no klines."""
        return ()

    def tickers(self) -> Iterator[Symbol]:
        """Markets whose ticker this connection follows."""
        return (self._symbols[product] for product in self._products["ticker"])

    def funding(self) -> Iterable[Symbol]:
        """There is no funding on spot."""
        return ()

    # Commands.

    def _wanted(self, message: dict[str, Any]) -> list[tuple[str, Sequence[str]]]:
        """The channels that a command names, each with its products: its own, else those of the whole command."""
        named, shared = message.get("channels"), message.get("product_ids", [])
        owner = self._prove(message)
        if not isinstance(named, list) or not named:
            raise _Complaint("channels must be a list of channels")
        wanted: list[tuple[str, Sequence[str]]] = []
        for each in named:
            entry = each if isinstance(each, dict) else {"name": each}
            name, products = entry.get("name"), entry.get("product_ids", shared)
            if name in _NOT_HERE:
                raise _Complaint(f"the sandbox has no channel {name}")
            if name in _FOR_KNOWN_CLIENTS and owner is None:
                raise _Complaint(f"{name} requires authentication")
            if name == "balance":
                wanted.append((name, self._own_accounts(entry.get("account_ids", message.get("account_ids")), owner)))
                continue
            if name not in self._products:
                raise _Complaint(f"{name} is not a valid channel")
            if not isinstance(products, list):
                raise _Complaint("product_ids must be a list")
            if unknown := [product for product in products if product not in self._symbols]:
                raise _Complaint(f"{unknown[0]} is not a valid product")
            if not products and message["type"] == "subscribe":
                raise _Complaint(f"no products given for {name}")
            wanted.append((name, products))
        self._owner = owner or self._owner
        return wanted

    def _own_accounts(self, ids: object, owner: str | None) -> Sequence[str]:
        """Accounts are named by id, and only one's own are known."""
        own = {account_id(owner or "", row.asset) for row in self._exchange.balances(owner or "", "spot")}
        if not isinstance(ids, list) or not ids:
            raise _Complaint("account_ids must be a list of account ids")
        if not own.issuperset(ids):
            raise _Complaint("account_ids must be those of your own accounts")
        return [str(each) for each in ids]

    def _prove(self, message: dict[str, Any]) -> str | None:
        """Who signed a command, if anybody did: it is signed like a request for ``/users/self/verify``."""
        if "signature" not in message:
            return None
        headers = {f"CB-ACCESS-{name}": str(message.get(key, "")) for key, name in _PROOF.items()}
        try:
            return authenticate(Request("GET", "https://feed/users/self/verify", headers), self._exchange)
        except Refusal as refusal:
            raise _Complaint(f"Authentication Failed: {refusal.message}") from None

    def _subscriptions(self) -> str:
        """All that the connection is subscribed to."""
        held = [
            {"name": name, "product_ids": [*products], "account_ids": None}
            for name, products in self._products.items()
            if products
        ]
        if self._accounts:
            held.append({"name": "balance", "product_ids": None, "account_ids": [*self._accounts]})
        return _json({"type": "subscriptions", "channels": held})

    def _first(self, name: str, product: str) -> Iterator[str]:
        """What a new subscription begins with."""
        symbol = self._symbols[product]
        if name in _LEVELS:
            now = self._exchange.book(symbol, _EVERYTHING)
            yield _json(
                {
                    "type": "snapshot",
                    "product_id": product,
                    "asks": [_level(level) for level in now.asks],
                    "bids": [_level(level) for level in now.bids],
                    "time": iso(now.time_ns or 0),
                }
            )
        elif name == "matches":
            yield self._match("last_match", self._exchange.trades(symbol, 1)[-1])
        elif name == "ticker":
            yield self._quotes(self._exchange.ticker(symbol))

    # Events.

    def _follows(self, name: str, symbol: Symbol) -> bool:
        return self._natives.get(symbol) in self._products[name]

    def _sequence(self, symbol: Symbol) -> int:
        return self._exchange.book(symbol, 1).sequence or 0

    def _update(self, delta: BookDelta) -> str:
        changes = [["buy", *_level(level)] for level in delta.bids] + [["sell", *_level(level)] for level in delta.asks]
        product = self._natives[delta.symbol]
        return _json({"type": "l2update", "product_id": product, "changes": changes, "time": iso(delta.time_ns)})

    def _match(self, name: str, trade: Trade) -> str:
        """``side`` is that of the order that waited in the book."""
        return _json(
            {
                "type": name,
                "trade_id": int(trade.trade_id),
                "maker_order_id": str(uuid5(NAMESPACE_OID, f"maker/{trade.trade_id}")),
                "taker_order_id": str(uuid5(NAMESPACE_OID, f"taker/{trade.trade_id}")),
                "side": "sell" if trade.side is Side.BUY else "buy",
                "size": f"{trade.quantity:f}",
                "price": f"{trade.price:f}",
                "product_id": self._natives[trade.symbol],
                "sequence": self._sequence(trade.symbol),
                "time": iso(trade.time_ns),
            }
        )

    def _holdings(self, event: BalanceUpdate) -> Iterator[str]:
        for row in event.balances:
            number = account_id(event.owner, row.asset)
            if number in self._accounts:
                moment = iso(event.time_ns)
                holds, available = f"{row.locked:.16f}", f"{row.free:.16f}"
                body = {"currency": row.asset, "holds": holds, "available": available}
                yield _json({"type": "balance", "account_id": number, **body, "updated": moment, "timestamp": moment})

    def _quotes(self, ticker: Ticker) -> str:
        (last,) = self._exchange.trades(ticker.symbol, 1)
        return _json(
            {
                "type": "ticker",
                "sequence": self._sequence(ticker.symbol),
                "product_id": self._natives[ticker.symbol],
                "price": f"{last.price:f}",
                "open_24h": f"{ticker.open or 0:f}",
                "volume_24h": f"{ticker.volume or 0:.8f}",
                "low_24h": f"{ticker.low or 0:f}",
                "high_24h": f"{ticker.high or 0:f}",
                "volume_30d": f"{30 * (ticker.volume or 0):.8f}",
                "best_bid": f"{ticker.bid or 0:f}",
                "best_bid_size": f"{ticker.bid_quantity or 0:.8f}",
                "best_ask": f"{ticker.ask or 0:f}",
                "best_ask_size": f"{ticker.ask_quantity or 0:.8f}",
                "side": last.side,
                "time": iso(last.time_ns),
                "trade_id": int(last.trade_id),
                "last_size": f"{last.quantity:f}",
            }
        )


def _level(level: Level) -> list[str]:
    return [f"{level.price:f}", f"{level.quantity:.8f}"]


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _error(message: str, reason: str) -> str:
    return _json({"type": "error", "message": message, "reason": reason})
