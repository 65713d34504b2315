"""The instruments that every sandbox lists, before a venue's dialect gives them its own ids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import msgspec

from ..models import Instrument
from ..symbols import Kind, Symbol

__all__ = ["LISTED_NS", "Listing", "dollars", "listings"]

LISTED_NS = 1_546_300_800 * 10**9  # 2019-01-01: nothing traded before
_NOTIONAL_A_MINUTE = 400_000.0


class Listing(msgspec.Struct, frozen=True):
    """An instrument and the level around which its price moves."""

    instrument: Instrument
    reference: float

    @property
    def turnover(self) -> float:
        """Mean base volume a minute."""
        return _NOTIONAL_A_MINUTE / (self.reference * (60_000 if self.instrument.symbol.quote == "BTC" else 1))


_SPOT = (
    # symbol, price, tick size, lot size, smallest order's value
    ("BTC-USDT", 60_000.0, "0.01", "0.00001", "5"),
    ("ETH-USDT", 2_600.0, "0.01", "0.0001", "5"),
    ("BNB-USDT", 560.0, "0.01", "0.001", "5"),
    ("SOL-USDT", 150.0, "0.01", "0.001", "5"),
    ("XRP-USDT", 0.6, "0.0001", "0.1", "5"),
    ("ADA-USDT", 0.35, "0.0001", "0.1", "5"),
    ("DOGE-USDT", 0.1, "0.00001", "1", "1"),
    ("LTC-USDT", 65.0, "0.01", "0.001", "5"),
    ("PEPE-USDT", 0.000009, "0.00000001", "1", "1"),
    ("BTC-USDC", 60_000.0, "0.01", "0.00001", "5"),
    ("BTC-USD", 60_000.0, "0.01", "0.00000001", "1"),
    ("ETH-USD", 2_600.0, "0.01", "0.00000001", "1"),
    ("ETH-BTC", 0.0433, "0.00001", "0.0001", "0.0001"),
)
_DOLLARS = {name.removesuffix("-USDT"): price for name, price, *_ in _SPOT if name.endswith("-USDT")}
_LINEAR = (
    ("BTC-USDT-PERP", 60_000.0, "0.1", "0.001", "50"),
    ("ETH-USDT-PERP", 2_600.0, "0.01", "0.001", "20"),
    ("SOL-USDT-PERP", 150.0, "0.01", "0.01", "5"),
    ("XRP-USDT-PERP", 0.6, "0.0001", "0.1", "5"),
    ("DOGE-USDT-PERP", 0.1, "0.00001", "1", "5"),
)


def dollars(asset: str) -> float:
    """The level around which an asset's price in dollars moves."""
    return _DOLLARS[asset]


def listings(venue: str, kinds: tuple[Kind, ...], native: Callable[[Symbol], str], now_ns: int) -> list[Listing]:
    """Everything listed on a venue, with its own ids; one dated contract expires on the next quarter's last Friday."""
    table = [*_SPOT] if "spot" in kinds else []
    if "linear" in kinds:
        day = _last_friday_of_quarter(dt.datetime.fromtimestamp(now_ns // 10**9, dt.UTC))
        table += [*_LINEAR, (f"BTC-USDT-{day:%y%m%d}", 60_000.0, "0.1", "0.001", "50")]
    return [_listing(venue, native, *row) for row in table]


def _listing(
    venue: str, native: Callable[[Symbol], str], name: str, price: float, tick: str, lot: str, notional: str
) -> Listing:
    symbol = Symbol.parse(name)
    tick_size, lot_size = Decimal(tick), Decimal(lot)
    expiry = dt.datetime.strptime(symbol.expiry, "%y%m%d").replace(hour=8, tzinfo=dt.UTC) if symbol.expiry else None
    instrument = Instrument(
        venue=venue,
        symbol=symbol,
        native=native(symbol),
        kind=symbol.kind,
        tick_size=tick_size,
        lot_size=lot_size,
        min_quantity=lot_size,
        max_quantity=Decimal(int(5e8 / price)),
        min_price=tick_size,
        max_price=tick_size * 10**8,
        min_notional=Decimal(notional),
        status="TRADING",
        expiry_ns=None if expiry is None else int(expiry.timestamp()) * 10**9,
    )
    return Listing(instrument, price)


def _last_friday_of_quarter(now: dt.datetime) -> dt.date:
    year, month = now.year, (now.month - 1) // 3 * 3 + 4
    while True:
        end = dt.date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1) - dt.timedelta(days=1)
        friday = end - dt.timedelta(days=(end.weekday() - 4) % 7)
        if friday > now.date():
            return friday
        month += 3
