"""Futures symbols as ten systems write them: one table of patterns, read in both directions.

``canonical`` is ours: ``SHFE.rb2610``, ``CZCE.SR2701`` (always four digits), ``SHFE.rb@main``. Where we do not know how
a system writes something (an option at Sina, say), that raises ``NotSupported`` instead of inventing a spelling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Literal, NamedTuple, get_args

from ..errors import ConfigError, NotSupported
from .calendar import CHINA
from .contracts import Combination, Continuous, Contract, FuturesSymbol, Option
from .products import EXCHANGES, Exchange, product

__all__ = ["Dialect", "format_symbol", "parse_symbol"]

Dialect = Literal[
    "canonical", "ctp", "vnpy", "tqsdk", "wondertrader", "sina", "tushare", "ricequant", "joinquant", "tdx"
]

_SAME: Mapping[str, str] = {each: each for each in EXCHANGES}
_INDEX_OPTIONS = ("IO", "HO", "MO")  # CFFEX options on indices; the futures on them have other codes
_PLAIN_OPTIONS = frozenset({"CZCE", "SHFE", "INE"})  # write CF701C14000; the others m2701-C-2900
_MONTHS_BEFORE, _MONTHS_AHEAD = 12, 60  # a CZCE month is looked for from a year before the reference day to five after


_Series = tuple[Literal["main", "2nd", "index"], Literal["", "front", "back"]]


class _Patterns(NamedTuple):
    """How a system writes each thing. In braces: the parts, capital where the system writes capitals.

    ``{month}`` has the exchange's own digits (three at CZCE), ``{yymm}`` always four. ``exchanges`` are its names for
    them; one name may stand for two exchanges, since products' codes tell them apart.
    """

    contract: str
    option: str = ""
    combination: str = ""
    series: Mapping[_Series, str] = {}
    exchanges: Mapping[str, str] = _SAME


_MAIN: _Series = ("main", "")
_FRONT: _Series = ("main", "front")
_BACK: _Series = ("main", "back")
_SECOND: _Series = ("2nd", "")
_INDEX: _Series = ("index", "")

_DIALECTS: Mapping[str, _Patterns] = {
    "canonical": _Patterns(
        contract="{exchange}.{product}{yymm}{tail}",
        option="{exchange}.{product}{yymm}{tail}-{right}-{strike}",
        combination="{exchange}.{kind} {first}&{second}",
        series={
            _MAIN: "{exchange}.{product}@main",
            _FRONT: "{exchange}.{product}@main:front",
            _BACK: "{exchange}.{product}@main:back",
            _SECOND: "{exchange}.{product}@2nd",
            ("2nd", "front"): "{exchange}.{product}@2nd:front",
            ("2nd", "back"): "{exchange}.{product}@2nd:back",
            _INDEX: "{exchange}.{product}@index",
        },
    ),
    "ctp": _Patterns(
        contract="{product}{month}{tail}",
        option="{product}{month}{tail}{dash}{right}{dash}{strike}",
        combination="{kind} {first}&{second}",
    ),
    "vnpy": _Patterns(
        contract="{product}{month}{tail}.{exchange}",
        option="{product}{month}{tail}{dash}{right}{dash}{strike}.{exchange}",
        combination="{kind} {first}&{second}.{exchange}",
    ),
    "tqsdk": _Patterns(
        contract="{exchange}.{product}{month}{tail}",
        option="{exchange}.{product}{month}{tail}{dash}{right}{dash}{strike}",
        combination="{exchange}.{kind} {first}&{second}",
        series={_MAIN: "KQ.m@{exchange}.{product}", _INDEX: "KQ.i@{exchange}.{product}"},
    ),
    "wondertrader": _Patterns(
        contract="{exchange}.{product}.{yymm}",
        series={
            _MAIN: "{exchange}.{product}.HOT",
            _FRONT: "{exchange}.{product}.HOT-",
            _BACK: "{exchange}.{product}.HOT+",
            _SECOND: "{exchange}.{product}.2ND",
            ("2nd", "front"): "{exchange}.{product}.2ND-",
            ("2nd", "back"): "{exchange}.{product}.2ND+",
        },
    ),
    "sina": _Patterns(contract="{PRODUCT}{yymm}", series={_MAIN: "{PRODUCT}0"}),
    "tushare": _Patterns(
        contract="{PRODUCT}{yymm}.{exchange}",
        series={_MAIN: "{PRODUCT}.{exchange}"},
        exchanges={"SHFE": "SHF", "DCE": "DCE", "CZCE": "ZCE", "CFFEX": "CFX", "INE": "INE", "GFEX": "GFE"},
    ),
    # 88 is the plain series; which way 888 and 889 are adjusted is taken from public descriptions, unverified.
    "ricequant": _Patterns(
        contract="{PRODUCT}{yymm}",
        series={_MAIN: "{PRODUCT}88", _FRONT: "{PRODUCT}888", _BACK: "{PRODUCT}889", _INDEX: "{PRODUCT}99"},
    ),
    "joinquant": _Patterns(
        contract="{PRODUCT}{yymm}.{exchange}",
        series={_MAIN: "{PRODUCT}9999.{exchange}", _INDEX: "{PRODUCT}8888.{exchange}"},
        exchanges={"SHFE": "XSGE", "DCE": "XDCE", "CZCE": "XZCE", "CFFEX": "CCFX", "INE": "XINE", "GFEX": "GFEX"},
    ),
    # The numbers of INE and GFEX are unverified.
    "tdx": _Patterns(
        contract="{exchange}#{PRODUCT}{yymm}",
        series={_MAIN: "{exchange}#{PRODUCT}L8", _INDEX: "{exchange}#{PRODUCT}L9"},
        exchanges={"CZCE": "28", "DCE": "29", "SHFE": "30", "INE": "30", "CFFEX": "47", "GFEX": "66"},
    ),
}

_PARTS = {
    "product": "(?P<product>[A-Za-z]{1,2})",
    "PRODUCT": "(?P<product>[A-Za-z]{1,2})",
    "month": r"(?P<month>\d{3,4})",
    "yymm": r"(?P<month>\d{4})",
    "tail": "(?P<tail>F?(?:TAS)?)",
    "dash": "-?",
    "right": "(?P<right>[CP])",
    "strike": r"(?P<strike>\d+(?:\.\d+)?)",
    "kind": "(?P<kind>[A-Z]+)",
    "first": "(?P<first>[^&]+)",
    "second": r"(?P<second>[^&.]+)",
}


def parse_symbol(text: str, dialect: Dialect | None = None, *, on: date | None = None) -> FuturesSymbol:
    """Read a futures symbol; letters' case does not matter.

    Without a dialect every one is tried, and they must agree. CZCE writes months with three digits (``SR701``): the
    decade is the one that puts delivery between a year before and five years after ``on`` (today by default), so give
    ``on`` for historic data. Raises ``ConfigError`` for what cannot be read, or can be read in several ways.
    """
    names = list(_DIALECTS) if dialect is None else [_known(dialect)]
    found: dict[FuturesSymbol, str] = {}
    problems: dict[str, None] = {}
    for name in names:
        try:
            symbol = _read(text.strip(), name, on or datetime.now(CHINA).date())
        except ConfigError as error:
            problems[str(error)] = None
        else:
            if symbol is not None:
                found.setdefault(symbol, name)
    if not found:
        why = "; ".join(problems) or "no such spelling"
        raise ConfigError(f"{text!r} cannot be read as a futures symbol{f' of {dialect}' if dialect else ''}: {why}")
    if len(found) > 1:
        readings = ", ".join(f"{symbol} ({name})" for symbol, name in found.items())
        raise ConfigError(f"{text!r} has several meanings: {readings}; name the dialect")
    return next(iter(found))


def format_symbol(symbol: FuturesSymbol | str, dialect: Dialect = "canonical") -> str:
    """Write a symbol (or a text that ``parse_symbol`` reads) as a system does.

    Raises ``NotSupported`` where it is not known to us how, or whether, that system writes such a thing.
    """
    if isinstance(symbol, str):
        symbol = parse_symbol(symbol)
    patterns = _DIALECTS[_known(dialect)]
    match symbol:
        case Contract():
            pattern = patterns.contract
        case Option():
            pattern = patterns.option
        case Combination():
            pattern = patterns.combination
        case Continuous():
            pattern = patterns.series.get((symbol.series, symbol.adjusted), "")
    parts = _parts(symbol, patterns)
    if not pattern or (parts.get("tail") and "{tail}" not in pattern):
        raise NotSupported(f"how {dialect} writes {symbol} is not known")
    return pattern.format_map(parts)


def _known(dialect: str) -> str:
    if dialect not in _DIALECTS:
        raise ConfigError(f"there is no dialect {dialect!r}; there are {', '.join(get_args(Dialect))}")
    return dialect


def _parts(symbol: FuturesSymbol, patterns: _Patterns) -> dict[str, str]:
    exchange = patterns.exchanges[symbol.exchange]
    match symbol:
        case Continuous(product=code):
            return {"exchange": exchange, "product": code, "PRODUCT": code.upper()}
        case Combination(kind=kind, first=first, second=second):
            legs = {"first": _leg(first, patterns), "second": _leg(second, patterns)}
            return {"exchange": exchange, "kind": kind, **legs}
        case Option(contract=contract, right=right, strike=strike):
            dash = "" if contract.exchange in _PLAIN_OPTIONS else "-"
            terms = {"right": right, "strike": f"{strike:f}", "dash": dash}
        case Contract():
            contract, terms = symbol, {}
    code, _, average = contract.product.partition("_")  # l_F is written l2602F
    yymm = f"{contract.year % 100:02}{contract.month:02}"
    return {
        "exchange": exchange,
        "product": code,
        "PRODUCT": code.upper(),
        "yymm": yymm,
        "month": yymm[1:] if contract.exchange == "CZCE" else yymm,
        "tail": average + ("TAS" if contract.settled else ""),
        **terms,
    }


def _leg(symbol: Contract | Option, patterns: _Patterns) -> str:
    pattern = patterns.option if isinstance(symbol, Option) else patterns.contract
    bare = pattern.replace("{exchange}.", "").replace(".{exchange}", "")
    return bare.format_map(_parts(symbol, patterns))


def _read(text: str, dialect: str, on: date) -> FuturesSymbol | None:
    """Read a text in one dialect; ``None`` when it has not the shape of anything there."""
    patterns = _DIALECTS[dialect]
    for shape, series in _shapes(dialect):
        match = shape.fullmatch(text)
        if match is None:
            continue
        parts = match.groupdict(default="")
        if series is not None:
            return Continuous(*_product_of(parts, patterns), *series)
        if "kind" in parts:
            legs = (_read_leg(parts[each], parts, dialect, on) for each in ("first", "second"))
            return Combination(parts["kind"].upper(), *legs)
        settled = parts.get("tail", "").upper().endswith("TAS")
        contract = Contract(*_product_of(parts, patterns), *_delivery(parts, on), settled)
        if "right" not in parts:
            return contract
        return Option(contract, "C" if parts["right"] in "Cc" else "P", Decimal(parts["strike"]))
    return None


def _read_leg(text: str, around: Mapping[str, str], dialect: str, on: date) -> Contract | Option:
    """Read a leg, which is written without its exchange."""
    template = _DIALECTS[dialect].contract
    exchange = around.get("exchange", "")
    if template.startswith("{exchange}"):
        text = f"{exchange}.{text}"
    elif template.endswith("{exchange}"):
        text = f"{text}.{exchange}"
    leg = _read(text, dialect, on)
    if not isinstance(leg, Contract | Option):
        raise ConfigError(f"{text!r} is no leg of a combination")
    return leg


def _product_of(parts: Mapping[str, str], patterns: _Patterns) -> tuple[Exchange, str]:
    code = parts["product"] + ("_F" if parts.get("tail", "").upper().startswith("F") else "")
    if "right" in parts and code.upper() in _INDEX_OPTIONS:
        exchange: Exchange = "CFFEX"
        code = code.upper()
    else:
        terms = product(code)
        exchange, code = terms.exchange, terms.code
    named = parts.get("exchange", "")
    if named and named.upper() != patterns.exchanges[exchange]:
        raise ConfigError(f"{code} is traded at {exchange}, written {patterns.exchanges[exchange]} here, not {named}")
    return exchange, code


def _delivery(parts: Mapping[str, str], on: date) -> tuple[int, int]:
    digits = parts["month"]
    month = int(digits[-2:])
    if not 1 <= month <= 12:
        raise ConfigError(f"{digits!r} is no delivery month")
    if len(digits) == 4:
        # Two digits of a year, too, mean the one nearest: 9912 read in 2026 is not 2099.
        this = on.year // 100 * 100 + int(digits[:2])
        return min(this - 100, this, this + 100, key=lambda each: abs(each - on.year)), month
    this_month = on.year * 12 + on.month
    for decade in range(on.year // 10 - 1, on.year // 10 + 2):
        year = decade * 10 + int(digits[0])
        if this_month - _MONTHS_BEFORE <= year * 12 + month < this_month + _MONTHS_AHEAD:
            return year, month
    raise ConfigError(
        f"the decade of month {digits!r} is unclear: none lies between a year before and five years after {on}; "
        "give the day that it was written as on="
    )


@cache
def _shapes(dialect: str) -> list[tuple[re.Pattern[str], _Series | None]]:
    """What a dialect's texts look like; with the series' kind for those of a continuous series."""
    patterns = _DIALECTS[dialect]
    names = "|".join(sorted(set(patterns.exchanges.values())))

    def compiled(pattern: str) -> re.Pattern[str]:
        text = re.escape(pattern).replace(r"\{", "{").replace(r"\}", "}").replace(r"\ ", " ")
        return re.compile(text.format_map({**_PARTS, "exchange": f"(?P<exchange>{names})"}), re.IGNORECASE)

    plain = [(compiled(each), None) for each in (patterns.option, patterns.contract, patterns.combination) if each]
    return [*((compiled(pattern), series) for series, pattern in patterns.series.items()), *plain]
