"""What a venue checks before it accepts an order: the instrument's filters, funds and margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from .._dialect import Placement
from ..errors import FilterViolation, InsufficientFunds, OrderRejected, WouldTakeLiquidity
from ..models import OrderType, Position, Side
from ..symbols import Symbol
from .account import LEVERAGE, LINEAR_FEES, Account
from .market import Market
from .orders import Ticket

__all__ = ["BAND", "Risk", "check_filters"]

BAND = (Decimal("0.2"), Decimal(5))
"""A limit price may lie between these multiples of the market's price."""
_ZERO = Decimal(0)


def check_filters(market: Market, placement: Placement) -> int:
    """Raise ``FilterViolation`` with a neutral code, or return the order's lots (before funds and positions)."""
    rules, price = market.instrument, placement.price
    mark = market.mark()
    if price is not None:
        _check_step("price", price, rules.tick_size, rules.min_price, rules.max_price)
        if not BAND[0] * mark <= price <= BAND[1] * mark:
            raise FilterViolation("the price is too far from the market's", code="band")
    quantity = placement.quantity
    if quantity is None:
        quantity = _quantity_for(market, placement)
    is_market = placement.type is OrderType.MARKET
    high = rules.market_max_quantity if is_market else rules.max_quantity
    _check_step(
        "market_lot" if is_market and rules.market_lot_size else "lot",
        quantity,
        rules.lot_size,
        rules.min_quantity,
        high,
    )
    if rules.min_notional is not None and quantity * (price or mark) < rules.min_notional and not placement.reduce_only:
        raise FilterViolation("the order's value is too small", code="notional")
    return int(quantity / rules.lot_size)


def _check_step(code: str, value: Decimal, step: Decimal, low: Decimal | None, high: Decimal | None) -> None:
    if value <= 0 or value % step or (low is not None and value < low) or (high is not None and value > high):
        raise FilterViolation(f"{value} breaks the {code} rule", code=code)


def _quantity_for(market: Market, placement: Placement) -> Decimal:
    """Base quantity, in whole lots, that a market order by value comes to in the present book."""
    budget, lots = placement.quote_quantity or _ZERO, 0
    for ticks, offered in market.book.offers(placement.side):
        each = market.price(ticks) * market.instrument.lot_size
        part = min(offered, int(budget / each))
        lots += part
        budget -= part * each
        if part < offered:
            break
    return market.quantity(lots)


class Risk:
    """Funds and margin of one venue's accounts."""

    def __init__(self, markets: Mapping[Symbol, Market], open_tickets: Mapping[int, Ticket]) -> None:
        self._markets = markets
        self._open = open_tickets

    def check(self, owner: str, account: Account, market: Market, placement: Placement, lots: int) -> int:
        """Return the lots that may be worked (fewer when the order may only reduce a position), or raise."""
        limit = None if placement.price is None else int(placement.price / market.instrument.tick_size)
        if placement.post_only and limit is not None and market.book.crosses(placement.side, limit):
            raise WouldTakeLiquidity("the order would match at once")
        if market.instrument.kind == "spot":
            self._check_funds(owner, account, market, placement, lots)
            return lots
        return self._check_margin(owner, account, market, placement, lots)

    def _check_funds(self, owner: str, account: Account, market: Market, placement: Placement, lots: int) -> None:
        symbol = market.symbol
        if placement.side is Side.SELL:
            asset, needed = symbol.base, market.quantity(lots)
        elif placement.price is not None:
            asset, needed = symbol.quote, account.to_pay(market.quantity(lots) * placement.price)
        else:
            asset, needed = symbol.quote, account.to_pay(_sweep_cost(market, placement.side, lots, owner))
        if needed > account.free(asset):
            raise InsufficientFunds(f"{needed} {asset} needed, {account.free(asset)} free")

    def _check_margin(self, owner: str, account: Account, market: Market, placement: Placement, lots: int) -> int:
        held = account.positions[market.instrument.native].quantity
        reducible = -held if placement.side is Side.BUY else held
        reducible_lots = int(max(reducible, _ZERO) / market.instrument.lot_size)
        if placement.reduce_only:
            if not reducible_lots:
                raise OrderRejected("there is no position to reduce", code="reduce_only")
            return min(lots, reducible_lots)
        opening = market.quantity(max(lots - reducible_lots, 0))
        price = placement.price or market.mark()
        _, available = self.margin(owner, account)
        if opening and opening * price * (1 / LEVERAGE + LINEAR_FEES.taker) > available:
            raise InsufficientFunds("the margin is insufficient")
        return lots

    def margin(self, owner: str, account: Account) -> tuple[Decimal, Decimal]:
        """Initial margin in use by positions and orders, and what is available for more, in the settling asset."""
        marks = {m.instrument.native: m.mark() for m in self._markets.values() if m.instrument.kind == "linear"}
        held = sum((abs(p.quantity) * marks[native] for native, p in account.positions.items() if p.quantity), _ZERO)
        working = sum(
            (
                ticket.open_quantity * ticket.placement.price
                for ticket in self._open.values()
                if ticket.owner == owner
                and ticket.market.instrument.kind == "linear"
                and ticket.placement.price is not None
                and not ticket.placement.reduce_only
            ),
            _ZERO,
        )
        used = (held + working) / LEVERAGE
        profit = sum((p.quantity * (marks[n] - p.entry) for n, p in account.positions.items() if p.quantity), _ZERO)
        return used, sum(account.margin.values(), _ZERO) + profit - used

    def positions(self, account: Account, time_ns: int) -> Sequence[Position]:
        """Open positions at the present marks."""
        rows = []
        for market in self._markets.values():
            holding = account.positions.get(market.instrument.native)
            if market.instrument.kind != "linear" or holding is None or not holding.quantity:
                continue
            mark = market.mark()
            rows.append(
                Position(
                    venue=market.instrument.venue,
                    symbol=market.symbol,
                    quantity=holding.quantity,
                    entry_price=holding.entry,
                    mark_price=mark,
                    unrealized_pnl=holding.quantity * (mark - holding.entry),
                    notional=holding.quantity * mark,
                    leverage=LEVERAGE,
                    margin_mode="cross",
                    time_ns=time_ns,
                )
            )
        return rows


def _sweep_cost(market: Market, side: Side, lots: int, owner: str) -> Decimal:
    cost = _ZERO
    for ticks, offered in market.book.offers(side, excluding=owner):
        part = min(lots, offered)
        cost += market.quantity(part) * market.price(ticks)
        lots -= part
        if not lots:
            break
    return cost
