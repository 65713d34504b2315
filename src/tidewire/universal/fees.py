"""What a venue charges for a trade, per market: the account's rates where the user gives them, else the base tier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from decimal import Decimal

import msgspec

from .._order import Number, exact
from ..errors import ConfigError
from ..models import Instrument, TradingFee
from ..symbols import Kind, Symbol
from ..venues import venue as load_venue

__all__ = ["FeeRate", "Fees"]

Table = Mapping[str, Mapping[Kind, tuple[Number, Number]]]

_MOST = Decimal("0.05")  # no venue charges 5 %: a rate above is a percentage written as a number


class FeeRate(msgspec.Struct, frozen=True):
    """Fractions of a trade's value, ``Decimal("0.001")`` being 0.1 %, and who says so. Negative is a rebate."""

    taker: Decimal
    maker: Decimal
    source: str


def _published(taker: str, maker: str, page: str, seen: str) -> FeeRate:
    return FeeRate(Decimal(taker), Decimal(maker), f"base tier, {page} ({seen}): not verified, check yours")


# What an account without volume, holdings or promotion pays. Venues change these, by country, pair and account: no
# account should be run on them. Two sources that agree are named by the first.
BASE_TIERS: Mapping[tuple[str, Kind], FeeRate] = {
    # Regular user. Also ccxt 4.5.90. Paid in BNB: 25 % and 10 % less.
    ("binance", "spot"): _published("0.001", "0.001", "https://www.binance.com/en/fee/schedule", "2026-11"),
    ("binance", "linear"): _published("0.0005", "0.0002", "https://www.binance.com/en/fee/futureFee", "2026-11"),
    # Regular user, first group of pairs. ccxt 4.5.90 still has 0.0015 and 0.001 for spot; linear agrees.
    ("okx", "spot"): _published("0.001", "0.0008", "https://www.okx.com/fees", "2026-11"),
    ("okx", "linear"): _published("0.0005", "0.0002", "https://www.okx.com/fees", "2026-11"),
    # Prime 0. Also ccxt 4.5.90 for spot; the example of the support page for linear, where older ones say 0.0005.
    ("htx", "spot"): _published("0.002", "0.002", "https://www.htx.com/fee", "2026-11"),
    ("htx", "linear"): _published("0.0006", "0.0002", "https://www.htx.com/support/900000089923", "2026-11"),
    # Less than 10,000 USD in 30 days. Also ccxt 4.5.90.
    ("coinbase", "spot"): _published(
        "0.006", "0.004", "https://help.coinbase.com/en/exchange/trading-and-funding/exchange-fees", "2026-11"
    ),
    # The API's own tier "Advanced 1", less than 1,000 USD in 30 days, as ccxt 4.5.90 quotes it.
    ("coinbase_advanced", "spot"): _published("0.012", "0.006", "https://www.coinbase.com/advanced-fees", "2026-11"),
}


class Fees:
    """Taker and maker rates by venue and market.

    ``Fees({"binance": {"spot": ("0.00075", "0.00075")}})`` gives an account's own rates as ``(taker, maker)`` fractions
    of the value; what it leaves out is the venue's published base tier, which is dated, not verified, and nearly always
    more than an account with volume pays. ``with_account`` adds what venues tell of an account. A venue that nobody
    knows raises ``ConfigError``: never a silent zero.

    Immutable; safe to share between threads.
    """

    def __init__(self, table: Table | None = None) -> None:
        self._own: dict[tuple[str, Kind], FeeRate] = {}
        self._account: Mapping[tuple[str, Symbol], FeeRate] = {}
        self._unknown: Mapping[tuple[str, Symbol], str] = {}
        for venue, markets in (table or {}).items():
            name = load_venue(venue).name  # an alias is another name of the same rates
            for kind, rates in markets.items():
                self._own[name, _kind(venue, kind)] = _rate(venue, kind, rates)

    def with_account(self, told: Iterable[TradingFee], unknown: Mapping[tuple[str, Symbol], str] | None = None) -> Fees:
        """Return these rates, and those that ``fetch_trading_fee`` told, each for its own market.

        They come before the base tier, and after the rates given by hand: these may know of discounts that the venue
        does not count. ``unknown`` says of other markets why the account's rate is not known, for ``rate(…).source``.
        """
        added = copy(self)
        rates = {
            (fee.venue, fee.symbol): FeeRate(fee.taker, fee.maker, "the account's own, told by the venue")
            for fee in told
        }
        added._account = {**self._account, **rates}  # noqa: SLF001 — a copy of this one
        added._unknown = {**self._unknown, **(unknown or {})}  # noqa: SLF001
        return added

    def rate(self, venue: str, instrument: Instrument) -> FeeRate:
        """Return both rates of a market and where they come from. Raises ``ConfigError`` when nobody has told them."""
        key = (venue, instrument.kind)
        market = (venue, instrument.symbol)
        found = self._own.get(key) or self._account.get(market) or BASE_TIERS.get(key)
        if found is None:
            raise ConfigError(
                f"no fee known for {instrument.symbol} at {venue}: pass fees=Fees({{{venue!r}: "
                f"{{{instrument.kind!r}: (taker, maker)}}}}), as fractions: '0.001' is 0.1 %",
                venue=venue,
            )
        why = self._unknown.get(market)
        if why is None or key in self._own or market in self._account:
            return found
        return FeeRate(found.taker, found.maker, f"{found.source}; the account's own is not known: {why}")

    def taker(self, venue: str, instrument: Instrument) -> Decimal:
        """Return the fraction of the value that an order pays which trades at once; see ``rate``."""
        return self.rate(venue, instrument).taker

    def maker(self, venue: str, instrument: Instrument) -> Decimal:
        """Return the fraction of the value that an order pays which waited in the book; see ``rate``."""
        return self.rate(venue, instrument).maker

    def __repr__(self) -> str:
        own = ", ".join(f"{venue} {kind}" for venue, kind in sorted(self._own))
        told = ", ".join(sorted(f"{venue} {symbol}" for venue, symbol in self._account))
        known = f"{own + ': own rates; ' if own else ''}{told + ': told by the venue; ' if told else ''}"
        return f"<Fees {known}base tiers of the rest>"


def _kind(venue: str, kind: str) -> Kind:
    match kind:
        case "spot" | "linear":
            return kind
    raise ConfigError(f"fees of {venue}: a market is 'spot' or 'linear', not {kind!r}", venue=venue)


def _rate(venue: str, kind: str, rates: tuple[Number, Number]) -> FeeRate:
    if isinstance(rates, str) or len(rates) != 2:
        raise ConfigError(f"fees of {venue} {kind}: expected (taker, maker), not {rates!r}", venue=venue)
    taker, maker = (exact(rate, f"fees of {venue} {kind}") for rate in rates)
    for rate in (taker, maker):
        if abs(rate) > _MOST:
            raise ConfigError(
                f"fees of {venue} {kind}: {rate} is {rate * 100:f} % of the value; write 0.1 % as '0.001'", venue=venue
            )
    return FeeRate(taker, maker, "own rate")
