"""OKX's account messages as models.

See: https://www.okx.com/docs-v5/en/#order-book-trading-trade-ws-order-channel and
#trading-account-websocket-account-channel
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from ..._feed import Buffer
from ...models import Balance, Fill, Order
from ...symbols import Symbol
from . import reports, wire
from .errors import VENUE

__all__ = ["balances", "orders"]


class _OrderEvent(reports.OrderRow):
    """An order as it stands, and in the same row the execution that brought it there, if one did."""

    instType: str = ""  # noqa: N815
    tradeId: str = ""  # noqa: N815
    fillPx: str = ""  # noqa: N815
    fillSz: str = ""  # noqa: N815
    fillFee: str = ""  # noqa: N815
    fillFeeCcy: str = ""  # noqa: N815
    fillPnl: str = ""  # noqa: N815
    fillTime: str = ""  # noqa: N815
    execType: str = ""  # noqa: N815

    def changed(self, symbol: Symbol, size: Decimal) -> Order:
        order = self.order(symbol, size)
        price, quantity = wire.positive(self.fillPx), wire.positive(self.fillSz)
        if not self.tradeId or price is None or quantity is None:
            return order
        fee = wire.number(self.fillFee)
        fill = Fill(
            venue=VENUE,
            symbol=symbol,
            fill_id=self.tradeId,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            price=price,
            quantity=quantity * size,
            side=order.side,
            fee=None if fee is None else -fee,
            fee_asset=self.fillFeeCcy or None,
            maker={"M": True, "T": False}.get(self.execType),
            realized_pnl=wire.number(self.fillPnl),
            time_ns=wire.nanoseconds(self.fillTime or self.uTime),
        )
        return msgspec.structs.replace(order, fills=(fill,))


_orders = wire.rows(_OrderEvent)
_account = wire.rows(reports.Account)


def orders(
    frame: Buffer, lists: tuple[str, ...], market: Callable[[str], tuple[Symbol, Decimal] | None]
) -> list[Order]:
    """Orders in the venue's ``lists``; ``market`` tells a native id's symbol and contract size, if it is offered."""
    found = [(row, market(row.instId)) for row in _orders(frame) if row.instType in lists]
    return [row.changed(*known) for row, known in found if known is not None]


def balances(frame: Buffer, *, margin: bool) -> list[Balance]:
    """One account holds everything: the assets that changed, or at first and now and then all that are held."""
    return [detail.balance(margin=margin) for row in _account(frame) for detail in row.details]
