"""Binance's account events as models.

See: https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream (read 2026-07-21) and
https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from ..._feed import Buffer
from ...models import Balance, Fill, Order, Side
from ...symbols import Symbol
from . import reports, wire

__all__ = ["balances", "linear_orders", "listen_key", "spot_orders"]

SymbolOf = Callable[[str], Symbol]


class _Report(msgspec.Struct, kw_only=True):
    """What spot's and the futures' reports share. ``x`` says what happened, ``X`` how the order stands."""

    s: str
    i: int
    c: str
    S: str
    o: str
    f: str
    q: Decimal
    p: Decimal
    x: str
    X: str
    z: Decimal
    T: int
    t: int
    m: bool
    last_quantity: Decimal = msgspec.field(name="l")
    last_price: Decimal = msgspec.field(name="L")
    fee: Decimal | None = msgspec.field(name="n", default=None)
    fee_asset: str | None = msgspec.field(name="N", default=None)

    def report(self) -> reports.OrderReport:
        """As REST would tell it."""
        return reports.OrderReport(
            symbol=self.s,
            orderId=self.i,
            status=self.X,
            clientOrderId=self.c,
            side=self.S,
            type=self.o,
            price=self.p,
            origQty=self.q,
            executedQty=self.z,
            timeInForce=self.f,
            updateTime=self.T,
        )

    def order(self, symbol: Symbol, profit: Decimal | None = None) -> Order:
        """The order, with the fill that this reports, if it reports one."""
        order = self.report().order(symbol)
        if self.x != "TRADE":
            return order
        fill = Fill(
            venue=wire.VENUE,
            symbol=symbol,
            fill_id=str(self.t),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            side=Side(self.S.lower()),
            price=self.last_price,
            quantity=self.last_quantity,
            fee=self.fee,
            fee_asset=self.fee_asset,
            maker=self.m,
            realized_pnl=profit,
            time_ns=self.T * 1_000_000,
        )
        return msgspec.structs.replace(order, fills=(fill,))


class _SpotReport(_Report, kw_only=True):
    """``executionReport``. A cancel has a client id of its own, in ``c``; the order's is then in ``C``."""

    C: str
    P: Decimal
    O: int  # noqa: E741
    Z: Decimal

    def report(self) -> reports.OrderReport:
        found = super().report()
        found.origClientOrderId = self.C or None
        found.stopPrice, found.cummulativeQuoteQty, found.time = self.P, self.Z, self.O
        return found


class _LinearReport(_Report, kw_only=True):
    """``o`` of ORDER_TRADE_UPDATE."""

    ap: Decimal
    sp: Decimal
    R: bool
    rp: Decimal | None = None

    def report(self) -> reports.OrderReport:
        found = super().report()
        found.avgPrice, found.stopPrice, found.reduceOnly = self.ap, self.sp, self.R
        return found


class _Position(msgspec.Struct):
    a: str
    f: Decimal
    l: Decimal  # noqa: E741


class _Account(msgspec.Struct, frozen=True):
    """``outboundAccountPosition``; no other event has ``B`` in this place."""

    B: list[_Position] | None = None


class _SpotFrame(msgspec.Struct):
    event: _SpotReport


class _LinearFrame(msgspec.Struct):
    o: _LinearReport


class _AccountFrame(msgspec.Struct):
    event: _Account = _Account()


class _ListenKey(msgspec.Struct):
    listenKey: str  # noqa: N815


_spot_frame = wire.decoder(_SpotFrame)
_linear_frame = wire.decoder(_LinearFrame)
_account_frame = wire.decoder(_AccountFrame)
_listen_key = wire.decoder(_ListenKey)


def spot_orders(frame: Buffer, symbol_of: SymbolOf) -> Sequence[Order]:
    """The order of an ``executionReport``."""
    report = _spot_frame(frame).event  # type: ignore[arg-type]
    return (report.order(symbol_of(report.s)),)


def linear_orders(frame: Buffer, symbol_of: SymbolOf) -> Sequence[Order]:
    """The order of an ORDER_TRADE_UPDATE."""
    report = _linear_frame(frame).o  # type: ignore[arg-type]
    return (report.order(symbol_of(report.s), report.rp),)


def balances(frame: Buffer) -> Sequence[Balance] | None:
    """The balances of an ``outboundAccountPosition``; every other event tells changes, or less than all."""
    rows = _account_frame(frame).event.B  # type: ignore[arg-type]
    if rows is None:
        return None
    return [Balance(venue=wire.VENUE, asset=row.a, free=row.f, locked=row.l, total=row.f + row.l) for row in rows]


def listen_key(body: bytes) -> str:
    """The key that opens the futures' private stream."""
    return _listen_key(body).listenKey
