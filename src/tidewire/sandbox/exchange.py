"""A venue's inside: markets, accounts and orders behind the neutral verbs of ``_dialect.Exchange``."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from .._dialect import Bar, BarUpdate, Breach, ChargesQuote, Dialect, Event, Limit, OrderUpdate, Placement, Usage
from ..credentials import Credentials
from ..errors import DuplicateOrder, OrderNotFound, UnknownSymbol
from ..models import (
    Balance,
    BookSnapshot,
    Fill,
    FundingRate,
    Instrument,
    OpenInterest,
    Order,
    OrderStatus,
    OrderType,
    Position,
    Side,
    Ticker,
    TimeInForce,
    Trade,
    TradingFee,
)
from ..symbols import Interval, Kind, Symbol
from .account import LINEAR_FEES, SPOT_FEES, Account
from .house import LEVELS
from .listings import listings
from .market import Market, Markets
from .matching import HOUSE, Match, Resting
from .orders import Ticket
from .passes import Passes
from .quotas import Quotas
from .risk import Risk, check_filters
from .wallets import Wallets

__all__ = ["VenueExchange"]


class VenueExchange:
    """One venue of the sandbox. Not thread-safe: the sandbox's loop owns it.

    ``funds`` is what every new account starts with: asset to quantity, the same for the spot wallet and, for assets
    that settle contracts, the margin wallet.
    """

    def __init__(
        self,
        dialect: Dialect,
        seed: int,
        funds: Mapping[str, Decimal],
        quotas: Quotas,
        levels: int = LEVELS,
        apart: float = 0.0,
    ) -> None:
        self.offset_ns = 0
        self.quotas = quotas
        self.limits: Mapping[str, Limit] = quotas.limits
        self.keys: dict[str, Credentials] = {}
        self.accounts: dict[str, Account] = {HOUSE: Account()}
        self.fees_taken: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._funds = funds
        listed = listings(dialect.name, dialect.kinds, dialect.native, self.now_ns())
        self.markets = Markets(listed, seed, self.now_ns, levels, apart)
        self._venue = dialect.name
        self._charges_quote = isinstance(dialect, ChargesQuote)
        self._instruments = [listing.instrument for listing in listed]
        self._native = {(instrument.native, instrument.kind): instrument for instrument in self._instruments}
        self._tickets: dict[int, Ticket] = {}
        self._open: dict[int, Ticket] = {}
        self._next_order_id = 10**7 + 1
        self._outbox: list[Event] = []
        self._risk = Risk(self.markets, self._open)
        self._wallets = Wallets(self.balances, self.positions)
        self._passes = Passes(seed)

    # Clock, keys, limits.

    def now_ns(self) -> int:
        return time.time_ns() + self.offset_ns

    def credentials(self, key: str) -> Credentials | None:
        return self.keys.get(key)

    def usage(self, scope: str) -> Usage:
        return self.quotas.usage(scope, self.now_ns())

    def charge(self, costs: Mapping[str, int]) -> Breach | None:
        return self.quotas.charge(costs, self.now_ns())

    def refund(self, costs: Mapping[str, int]) -> None:
        self.quotas.refund(costs, self.now_ns())

    def open_pass(self, owner: str, valid_s: float) -> str:
        return self._passes.open(owner, self.now_ns(), valid_s)

    def renew_pass(self, owner: str, valid_s: float) -> bool:
        return self._passes.renew(owner, self.now_ns(), valid_s)

    def close_pass(self, owner: str) -> None:
        self._passes.close(owner)

    def pass_owner(self, text: str) -> str | None:
        return self._passes.owner(text, self.now_ns())

    # Public verbs.

    def instruments(self, kind: Kind) -> Sequence[Instrument]:
        return [instrument for instrument in self._instruments if instrument.kind == kind]

    def instrument(self, native: str, kind: Kind) -> Instrument:
        instrument = self._native.get((native, kind))
        if instrument is None:
            raise UnknownSymbol(f"no {kind} instrument {native!r}")
        return instrument

    def bars(
        self, symbol: Symbol, interval: Interval, *, start: int | None, end: int | None, limit: int
    ) -> Sequence[Bar]:
        return self.markets[symbol].bars(interval, start, end, limit, self.now_ns())

    def ticker(self, symbol: Symbol) -> Ticker:
        return self.markets[symbol].ticker(self.now_ns())

    def book(self, symbol: Symbol, depth: int) -> BookSnapshot:
        return self.markets[symbol].snapshot(depth, self.now_ns())

    def trades(self, symbol: Symbol, limit: int) -> Sequence[Trade]:
        return list(self.markets[symbol].tape)[-limit:]

    def funding(self, symbol: Symbol) -> FundingRate:
        return self.markets[symbol].funding(self.now_ns())

    def funding_history(
        self, symbol: Symbol, *, start: int | None, end: int | None, limit: int
    ) -> Sequence[FundingRate]:
        return self.markets[symbol].funding_history(start, end, limit, self.now_ns())

    def open_interest(self, symbol: Symbol) -> OpenInterest:
        return self.markets[symbol].open_interest(self.now_ns())

    # Private verbs.

    def trading_fee(self, symbol: Symbol) -> TradingFee:
        fees = SPOT_FEES if symbol.kind == "spot" else LINEAR_FEES
        return TradingFee(venue=self._venue, symbol=symbol, maker=fees.maker, taker=fees.taker)

    def balances(self, owner: str, kind: Kind) -> Sequence[Balance]:
        account = self.account(owner)
        if kind == "linear":
            used, available = self._risk.margin(owner, account)
            rows = {asset: (max(available, Decimal(0)), used, total) for asset, total in account.margin.items()}
        else:
            rows = {asset: (account.free(asset), account.locked[asset], total) for asset, total in account.spot.items()}
        return [Balance(venue=self._venue, asset=a, free=f, locked=k, total=t) for a, (f, k, t) in sorted(rows.items())]

    def positions(self, owner: str) -> Sequence[Position]:
        return self._risk.positions(self.account(owner), self.now_ns())

    def place(self, owner: str, placement: Placement) -> Order:
        market = self.markets[placement.symbol]
        client_id = placement.client_order_id or f"tw{self._next_order_id:020d}"
        taken = any(t.owner == owner and t.client_order_id == client_id for t in self._open.values())
        if taken and not placement.repeats_id:
            raise DuplicateOrder("an open order has this client order id")
        lots = check_filters(market, placement)
        ticks = None if placement.price is None else int(placement.price / market.instrument.tick_size)
        takes = ticks is not None and placement.post_only and market.book.crosses(placement.side, ticks)
        if not (takes and placement.cancel_if_taking):
            lots = self._risk.check(owner, self.account(owner), market, placement, lots)
        now = self.now_ns()
        ticket = Ticket(self._next_order_id, owner, market, placement, client_id, ticks, lots, now, now)
        self._next_order_id += 1
        self._tickets[ticket.order_id] = self._open[ticket.order_id] = ticket
        self._tell(ticket)
        if takes:
            self._finish(ticket, OrderStatus.CANCELED)
        else:
            self._work(ticket)
        return ticket.view()

    def cancel(
        self, owner: str, symbol: Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        ticket = self._find(owner, symbol, order_id, client_order_id)
        if ticket.status.is_final:
            raise OrderNotFound("the order is already final")
        self._finish(ticket, OrderStatus.CANCELED)
        return ticket.view()

    def cancel_all(self, owner: str, symbol: Symbol) -> Sequence[Order]:
        tickets = [t for t in self._open.values() if t.owner == owner and t.market.symbol == symbol]
        for ticket in tickets:
            self._finish(ticket, OrderStatus.CANCELED)
        return [ticket.view() for ticket in tickets]

    def order(
        self, owner: str, symbol: Symbol, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        return self._find(owner, symbol, order_id, client_order_id).view()

    def orders(
        self, owner: str, kind: Kind, symbol: Symbol | None = None, *, open_only: bool = False
    ) -> Sequence[Order]:
        tickets = self._open if open_only else self._tickets
        return [
            ticket.view()
            for ticket in tickets.values()
            if ticket.owner == owner and ticket.market.symbol.kind == kind and symbol in (None, ticket.market.symbol)
        ]

    def fills(self, owner: str, symbol: Symbol) -> Sequence[Fill]:
        fills = [f for t in self._tickets.values() if t.owner == owner and t.market.symbol == symbol for f in t.fills]
        return sorted(fills, key=lambda fill: int(fill.fill_id))

    # For the sandbox.

    def account(self, owner: str) -> Account:
        """The owner's account, opened with the starting funds on first use."""
        account = self.accounts.get(owner)
        if account is None:
            account = self.accounts[owner] = Account(charges_quote=self._charges_quote)
            account.spot.update(self._funds)
            settles = {instrument.symbol.settle for instrument in self._instruments}
            account.margin.update({asset: quantity for asset, quantity in self._funds.items() if asset in settles})
        return account

    def step(self, followed: Iterable[Symbol] = ()) -> None:
        """Let the house trade and quote once in every market that is open or followed, at the present moment."""
        for symbol in dict.fromkeys([*self.markets, *sorted(followed, key=str)]):
            market = self.markets[symbol]
            now = self.now_ns()
            middle = market.house.middle(now)
            for side, lots, limit in market.house.orders(market.book, middle):
                self._execute(market, HOUSE, side, lots, limit, None)
            market.house.quote(market.book, middle)

    def events(self, *, deltas: bool) -> list[Event]:
        """What happened since the last call: trades, orders, balances and quotes, and with ``deltas`` the books' level
        changes too.
        """
        now = self.now_ns()
        events, self._outbox = [*self._outbox, *self._wallets.drain(now), *self._passes.ended(now)], []
        for market in self.markets.values():
            found = (market.new_quote(now), market.new_delta(now) if deltas else None)
            events.extend(event for event in found if event is not None)
        return events

    def bar_updates(self, wanted: set[tuple[Symbol, Interval]]) -> Iterator[Event]:
        """The forming bars of the klines that somebody follows."""
        now = self.now_ns()
        for symbol, interval in wanted:
            for bar in self.markets[symbol].bars(interval, None, None, 1, now):
                yield BarUpdate(symbol=symbol, interval=interval, bar=bar, time_ns=now)

    # Inside.

    def _work(self, ticket: Ticket) -> None:
        placement, market = ticket.placement, ticket.market
        side, limit = placement.side, ticket.ticks
        reachable = sum(lots for _, lots in market.book.offers(side, limit, excluding=ticket.owner))
        if placement.time_in_force is not TimeInForce.FOK or reachable >= ticket.lots:
            self._execute(market, ticket.owner, side, ticket.lots, limit, ticket)
        if not ticket.open_lots:
            self._open.pop(ticket.order_id, None)
        elif placement.type is OrderType.MARKET or placement.time_in_force is not TimeInForce.GTC or limit is None:
            self._finish(ticket, OrderStatus.EXPIRED)
        else:
            ticket.resting = Resting(ticket.order_id, ticket.owner, side, limit, ticket.open_lots)
            market.book.rest(ticket.resting)
            self._lock(ticket, ticket.open_quantity)

    def _execute(
        self, market: Market, owner: str, side: Side, lots: int, limit: int | None, taker: Ticket | None
    ) -> None:
        matches, expired = market.book.match(side, lots, limit, owner)
        for order in expired:
            ticket = self._tickets[order.order_id]
            self._lock(ticket, -market.quantity(order.lots))
            ticket.resting = None
            self._finish(ticket, OrderStatus.EXPIRED)
        for match in matches:
            self._settle(market, owner, side, match, taker)

    def _settle(self, market: Market, owner: str, side: Side, match: Match, taker: Ticket | None) -> None:
        now = self.now_ns()
        trade = market.print(side, match.ticks, match.lots, now)
        self._outbox.append(trade)
        maker = self._tickets.get(match.maker.order_id)
        other = Side.SELL if side is Side.BUY else Side.BUY
        self._book_fill(market, owner, side, trade, match.lots, taker, maker_side=False)
        if maker is not None:
            self._lock(maker, -trade.quantity)
        self._book_fill(market, match.maker.owner, other, trade, match.lots, maker, maker_side=True)
        for ticket in (taker, maker):
            if ticket is not None:
                self._expire_excess(ticket)

    def _book_fill(
        self,
        market: Market,
        owner: str,
        side: Side,
        trade: Trade,
        lots: int,
        ticket: Ticket | None,
        *,
        maker_side: bool,
    ) -> None:
        fees = self.trading_fee(market.symbol)
        rate = Decimal(0) if owner == HOUSE else fees.maker if maker_side else fees.taker
        account, symbol = self.account(owner), market.symbol
        wallet = account.spot if symbol.kind == "spot" else account.margin
        assets = (symbol.base, symbol.quote) if symbol.kind == "spot" else (symbol.settle or symbol.quote,)
        before = {asset: wallet[asset] for asset in assets}
        fee, asset, profit = account.trade(market.instrument, side, trade.quantity, trade.price, rate)
        self.fees_taken[asset] += fee
        self._wallets.touch(owner, symbol, {name: wallet[name] - before[name] for name in assets})
        if ticket is None:
            return
        fill = Fill(
            venue=trade.venue,
            symbol=trade.symbol,
            fill_id=trade.trade_id,
            order_id=str(ticket.order_id),
            client_order_id=ticket.client_order_id,
            price=trade.price,
            quantity=trade.quantity,
            side=side,
            fee=fee,
            fee_asset=asset,
            maker=maker_side,
            realized_pnl=profit,
            time_ns=trade.time_ns,
        )
        ticket.fill(fill, lots)
        self._tell(ticket, fill)
        if ticket.status.is_final:
            self._open.pop(ticket.order_id, None)

    def _expire_excess(self, filled: Ticket) -> None:
        """Reduce-only orders must not outlive the position that they reduce."""
        if filled.market.instrument.kind == "spot":
            return
        held = self.account(filled.owner).positions[filled.market.instrument.native].quantity
        for ticket in [t for t in self._open.values() if t.owner == filled.owner and t.market is filled.market]:
            if ticket.placement.reduce_only and ticket.resting is not None:
                reducible = -held if ticket.placement.side is Side.BUY else held
                if ticket.open_quantity > reducible:
                    self._finish(ticket, OrderStatus.EXPIRED)

    def _finish(self, ticket: Ticket, status: OrderStatus) -> None:
        if ticket.resting is not None:
            self._lock(ticket, -ticket.open_quantity)
            ticket.market.book.remove(ticket.resting)
        ticket.finish(status, self.now_ns())
        self._open.pop(ticket.order_id, None)
        self._tell(ticket)

    def _tell(self, ticket: Ticket, fill: Fill | None = None) -> None:
        """Let the owner's streams know of a change."""
        order = ticket.view()
        self._outbox.append(OrderUpdate(owner=ticket.owner, order=order, fill=fill, time_ns=self.now_ns()))

    def _lock(self, ticket: Ticket, quantity: Decimal) -> None:
        """Back a resting spot order's ``quantity`` with the asset that it would pay; negative releases."""
        symbol = ticket.market.symbol
        if symbol.kind != "spot" or ticket.ticks is None:
            return
        account = self.account(ticket.owner)
        if ticket.placement.side is Side.BUY:
            asset, amount = symbol.quote, account.to_pay(quantity * ticket.market.price(ticket.ticks))
        else:
            asset, amount = symbol.base, quantity
        account.locked[asset] += amount
        self._wallets.touch(ticket.owner, symbol, {asset: Decimal(0)})

    def _find(self, owner: str, symbol: Symbol, order_id: str | None, client_order_id: str | None) -> Ticket:
        """By venue id, else by client id: the open order with it, else the latest."""
        if order_id is not None:
            found = self._tickets.get(int(order_id)) if order_id.isdigit() else None
            candidates = [] if found is None else [found]
        else:
            candidates = [t for t in self._tickets.values() if t.client_order_id == client_order_id]
            candidates.sort(key=lambda ticket: (not ticket.status.is_final, ticket.order_id))
        for ticket in reversed(candidates):
            if ticket.owner == owner and ticket.market.symbol == symbol:
                if client_order_id is not None and ticket.client_order_id != client_order_id:
                    continue
                return ticket
        raise OrderNotFound("no such order")
