"""Coinbase Advanced's stream connections: what a client may ask, and how events look on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from ...._dialect import BarUpdate, BookDelta, Disconnect, Event, Exchange, OrderUpdate
from ...._order import plain
from ....models import Level, Order, OrderStatus, OrderType, Side, Ticker, Trade
from ....symbols import Interval, Symbol
from .ask import iso
from .token import Unauthorized, bearer_of
from .trading import FORCES, STATUS, wire_id

__all__ = ["CoinbaseAdvancedSession"]

_BEATS: Final = "heartbeats"
_USER: Final = "user"
_MARKET: Final = ("level2", "market_trades", "ticker", "candles")
_OPEN_ORDERS: Final = 50  # in one message
_MESSAGES_A_SECOND: Final = 8
_SILENT_S: Final = 5
_EVERYTHING: Final = 10**6
_BARS: Final = Interval.parse("5m")
_FIRST_TRADES: Final = 50
_FIRST_BARS: Final = 10


class _Complaint(Exception):
    """Why nothing of a command is done."""


class CoinbaseAdvancedSession:
    """One connection: what it is subscribed to, and how many messages it was sent.

    Public channels know no ``-USDC`` product that has a ``-USD`` twin: subscribers of one get the other.
    """

    beat_s = 1.0

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._symbols = {item.native: item.symbol for item in exchange.instruments("spot")}
        self._natives = {symbol: native for native, symbol in self._symbols.items()}
        self._products: dict[str, dict[str, None]] = {name: {} for name in (*_MARKET, _BEATS, _USER)}
        self._owner = ""
        self._received: list[int] = []
        self._opened_ns = exchange.now_ns()
        self._sent = 0
        self._beats = 0

    def receive(self, text: str | bytes, exchange: Exchange) -> Iterable[str]:
        """Subscribe and unsubscribe, a channel at a time; too many messages in a second end the connection."""
        now = exchange.now_ns()
        self._received = [moment for moment in self._received if now - moment < 10**9] + [now]
        if len(self._received) > _MESSAGES_A_SECOND:
            raise Disconnect(1008, "rate limit exceeded")
        try:
            action, channel, products = self._wanted(text)
        except _Complaint as complaint:
            return [json.dumps({"type": "error", "message": str(complaint)})]
        held = self._products[channel]
        if action == "unsubscribe":
            for product in products or tuple(held):
                held.pop(product, None)
            return [self._subscriptions()]
        new = [product for product in products if product not in held]
        held |= dict.fromkeys(new)
        return [self._subscriptions(), *(frame for product in new for frame in self._first(channel, product))]

    def publish(self, event: Event) -> Iterator[str]:
        """Every channel of this connection that the event belongs to."""
        match event:
            case BookDelta() if self._follows("level2", event.symbol) and (event.bids or event.asks):
                yield self._levels("update", event.symbol, event.bids, event.asks, event.time_ns)
            case Trade() if self._follows("market_trades", event.symbol):
                yield self._trades("update", [event])
            case Ticker() if self._follows("ticker", event.symbol):
                yield self._quotes("update", event)
            case BarUpdate() if event.interval == _BARS and self._follows("candles", event.symbol):
                yield self._candles("update", event.symbol, 1)
            case OrderUpdate() if self._products[_USER] and event.owner == self._owner:
                yield self._say(_USER, {"type": "update", "orders": [self._order(event.order)]})

    def beat(self, exchange: Exchange) -> Iterator[str]:
        """The heartbeat; a connection on which nothing was ever asked for ends after five seconds."""
        if not self._received and exchange.now_ns() - self._opened_ns > _SILENT_S * 10**9:
            raise Disconnect(1000, "no subscribe message")
        self._beats += 1
        if self._products[_BEATS]:
            now = iso(exchange.now_ns())
            said = f"{now[:10]} {now[11:-1]}000 +0000 UTC m=+{self._beats}.000000000"
            yield self._say(_BEATS, {"current_time": said, "heartbeat_counter": self._beats})

    def symbols(self) -> Iterator[Symbol]:
        """Markets that this connection follows."""
        return (self._symbols[product] for name in _MARKET for product in self._products[name])

    def intervals(self) -> Iterator[tuple[Symbol, Interval]]:
        """Klines that this connection follows."""
        return ((self._symbols[product], _BARS) for product in self._products["candles"])

    def tickers(self) -> Iterator[Symbol]:
        """Markets whose ticker this connection follows."""
        return (self._symbols[product] for product in self._products["ticker"])

    def funding(self) -> Iterable[Symbol]:
        """There is no funding on spot."""
        return ()

    # Commands.

    def _wanted(self, text: str | bytes) -> tuple[str, str, Sequence[str]]:
        """Action, channel and products of a command."""
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise _Complaint("failure to parse message")
        action, channel, products = message.get("type"), message.get("channel"), message.get("product_ids", [])
        if action not in ("subscribe", "unsubscribe"):
            raise _Complaint("message type not supported")
        if channel not in self._products:
            raise _Complaint("channel not supported")
        if channel == _BEATS:
            return action, channel, [_BEATS]
        if channel == _USER:
            self._owner = self._prove(message)
            return action, channel, [str(uuid5(NAMESPACE_OID, self._owner))]
        if not isinstance(products, list) or (action == "subscribe" and not products):
            raise _Complaint("product_ids required")
        if unknown := [product for product in products if product not in self._symbols]:
            raise _Complaint(f"{unknown[0]} is not a valid product id")
        return action, channel, [self._twin(product) for product in products]

    def _prove(self, message: dict[str, Any]) -> str:
        """Whose orders may be told: a token for one command names no address."""
        try:
            owner, claims = bearer_of(str(message.get("jwt", "")), self._exchange)
        except Unauthorized:
            raise _Complaint("authentication failure") from None
        if "uri" in claims or owner != (self._owner or owner):
            raise _Complaint("authentication failure")
        return owner

    def _twin(self, product: str) -> str:
        twin = product.removesuffix("C") if product.endswith("-USDC") else product
        return twin if twin in self._symbols else product

    def _subscriptions(self) -> str:
        """All that the connection is subscribed to."""
        held = {name: [*products] for name, products in self._products.items() if products}
        return self._say("subscriptions", {"subscriptions": held})

    def _first(self, channel: str, product: str) -> Iterator[str]:
        """What a new subscription begins with."""
        if channel == _USER:
            yield from self._open_orders()
        symbol = self._symbols.get(product)
        if symbol is None:
            return
        if channel == "level2":
            now = self._exchange.book(symbol, _EVERYTHING)
            yield self._levels("snapshot", symbol, now.bids, now.asks, now.time_ns or 0)
        elif channel == "market_trades":
            yield self._trades("snapshot", self._exchange.trades(symbol, _FIRST_TRADES)[::-1])
        elif channel == "ticker":
            yield self._quotes("snapshot", self._exchange.ticker(symbol))
        else:
            yield self._candles("snapshot", symbol, _FIRST_BARS)

    # Events.

    def _follows(self, channel: str, symbol: Symbol) -> bool:
        return self._natives.get(symbol) in self._products[channel]

    def _levels(self, kind: str, symbol: Symbol, bids: Sequence[Level], asks: Sequence[Level], time_ns: int) -> str:
        updates = [
            {
                "side": side,
                "event_time": iso(time_ns),
                "price_level": plain(level.price),
                "new_quantity": plain(level.quantity),
            }
            for side, levels in (("bid", bids), ("offer", asks))
            for level in levels
        ]
        return self._say("l2_data", {"type": kind, "product_id": self._natives[symbol], "updates": updates})

    def _trades(self, kind: str, trades: Sequence[Trade]) -> str:
        """Newest first."""
        rows = [
            {
                "product_id": self._natives[trade.symbol],
                "trade_id": trade.trade_id,
                "price": plain(trade.price),
                "size": plain(trade.quantity),
                "time": iso(trade.time_ns),
                "side": trade.side.upper(),
            }
            for trade in trades
        ]
        return self._say("market_trades", {"type": kind, "trades": rows})

    def _quotes(self, kind: str, ticker: Ticker) -> str:
        numbers = {
            "price": ticker.last,
            "volume_24_h": ticker.volume,
            "low_24_h": ticker.low,
            "high_24_h": ticker.high,
            "best_bid": ticker.bid,
            "best_ask": ticker.ask,
            "best_bid_quantity": ticker.bid_quantity,
            "best_ask_quantity": ticker.ask_quantity,
        }
        row = {
            "type": "ticker",
            "product_id": self._natives[ticker.symbol],
            **{name: "" if value is None else plain(value) for name, value in numbers.items()},
            "low_52_w": "0",
            "high_52_w": "0",
            "price_percent_chg_24_h": "0",
        }
        return self._say("ticker", {"type": kind, "tickers": [row]})

    def _candles(self, kind: str, symbol: Symbol, count: int) -> str:
        """Newest first, without the bars in which nothing traded."""
        bars = self._exchange.bars(symbol, _BARS, start=None, end=None, limit=count)
        rows = [
            {
                "start": str(bar.open_ns // 10**9),
                "high": plain(bar.high),
                "low": plain(bar.low),
                "open": plain(bar.open),
                "close": plain(bar.close),
                "volume": plain(bar.volume),
                "product_id": self._natives[symbol],
            }
            for bar in reversed(bars)
            if bar.trades
        ]
        return self._say("candles", {"type": kind, "candles": rows})

    def _open_orders(self) -> Iterator[str]:
        rows = [self._order(row) for row in self._exchange.orders(self._owner, "spot", open_only=True)]
        for start in range(0, len(rows) or 1, _OPEN_ORDERS):
            yield self._say(_USER, {"type": "snapshot", "orders": rows[start : start + _OPEN_ORDERS]})

    def _order(self, order: Order) -> dict[str, object]:
        filled, quantity = order.filled or Decimal(0), order.quantity or Decimal(0)
        market = order.type == OrderType.MARKET
        fees = sum((fill.fee or Decimal(0) for fill in order.fills), Decimal(0))
        left = Decimal(0) if order.status.is_final else quantity - filled
        return {
            "avg_price": plain(order.average_price or Decimal(0)),
            "cancel_reason": "User requested cancel" if order.status is OrderStatus.CANCELED else "",
            "client_order_id": order.client_order_id,
            "completion_percentage": f"{filled / quantity * 100 if quantity else 0:.2f}",
            "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
            "cumulative_quantity": plain(filled),
            "filled_value": plain(order.quote_filled or Decimal(0)),
            "leaves_quantity": plain(left),
            "limit_price": plain(order.price or Decimal(0)),
            "number_of_fills": str(len(order.fills)),
            "order_id": wire_id(order.order_id),
            "order_side": (order.side or Side.BUY).upper(),
            "order_type": "Market" if market else "Limit",
            "outstanding_hold_amount": "0",
            "post_only": "true" if order.post_only else "false",
            "product_id": self._natives[order.symbol],
            "product_type": "SPOT",
            "reject_reason": "",
            "retail_portfolio_id": "",
            "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
            "status": STATUS[order.status],
            "stop_price": "",
            "time_in_force": "IMMEDIATE_OR_CANCEL" if market else FORCES[str(order.time_in_force or "gtc")],
            "total_fees": plain(fees),
            "total_value_after_fees": plain((order.quote_filled or Decimal(0)) + fees),
            "trigger_status": "INVALID_ORDER_TYPE",
            "creation_time": iso(order.created_ns or 0),
            "end_time": "0001-01-01T00:00:00Z",
            "start_time": "0001-01-01T00:00:00Z",
        }

    def _say(self, channel: str, event: Mapping[str, Any]) -> str:
        """Number a message: across all channels, from 0."""
        number, self._sent = self._sent, self._sent + 1
        body = {
            "channel": channel,
            "client_id": "",
            "timestamp": iso(self._exchange.now_ns()),
            "sequence_num": number,
            "events": [event],
        }
        return json.dumps(body, separators=(",", ":"))
