"""Turn what a user writes about a CTP order into the fields of ReqOrderInsert, checked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from ..errors import ConfigError
from ..models import Side, exact
from . import codes
from .models import Hedge, Offset

__all__ = ["AUTO", "NewOrder", "Number", "one_name"]

Number = Decimal | str | int | float
E = TypeVar("E", bound=StrEnum)

AUTO = "auto"
_TYPES = {"limit": "2", "market": "1"}
_NO_PRICE = 10**12  # no instrument costs that; CTP's "no value" is the largest double
_MEMO_LETTERS = 12  # OrderMemo is char[13]
_GFD, _FAK, _FOK = "gfd", "fak", "fok"
_LIVES = {"gfd": _GFD, "fak": _FAK, "ioc": _FAK, "fok": _FOK}
# TimeCondition and VolumeCondition: for the day and any volume; at once and any volume; at once and all of it.
_CONDITIONS = {_GFD: ("3", "1"), _FAK: ("1", "1"), _FOK: ("1", "3")}
_IMMEDIATELY = "1"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to be: exact numbers, known words, no contradictions. ``offset`` is ``None`` for ``"auto"``."""

    symbol: str
    side: Side
    quantity: int
    price: Decimal | None
    offset: Offset | None
    hedge: Hedge
    time_in_force: str
    stop_price: Decimal | None
    trigger: str | None
    client_order_id: str | None
    prefer: str

    @classmethod
    def of(
        cls,
        symbol: str,
        *,
        side: str,
        quantity: int,
        type: str,
        price: Number | None,
        offset: str,
        hedge: str,
        time_in_force: str | None,
        stop_price: Number | None,
        trigger: str | None,
        client_order_id: str | None,
        prefer: str,
    ) -> NewOrder:
        """Check the words and numbers of an order; raise ``ConfigError`` naming the one at fault."""
        if not isinstance(symbol, str) or not symbol.strip():
            raise ConfigError(f"a symbol is the instrument's id such as 'rb2610', not {symbol!r}")
        if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity <= 0:
            raise ConfigError(
                f"quantity is a positive number of lots, not {quantity!r}; side='sell' says the direction"
            )
        _one_of(_TYPES, type, "type")
        if (type == "limit") == (price is None):
            raise ConfigError("a limit order needs a price" if price is None else "a market order takes no price")
        if (stop_price is None) != (trigger is None):
            raise ConfigError("a conditional order needs both stop_price and trigger, such as trigger='last>='")
        if trigger is not None:
            _one_of(codes.TRIGGERS, trigger, "trigger")
        # A market order works at once or not at all: exchanges refuse one that would rest.
        life = time_in_force if time_in_force is not None else (_FAK if type == "market" else _GFD)
        _one_of(_LIVES, life, "time_in_force")
        if type == "market" and _LIVES[life] == _GFD:
            raise ConfigError("a market order is 'fak' or 'fok', not 'gfd'")
        return cls(
            symbol=symbol,
            side=_word(Side, side, "side"),
            quantity=quantity,
            price=None if price is None else _price(price, "price"),
            offset=None if offset == AUTO else _word(Offset, offset, "offset", but=Offset.FORCED, also=AUTO),
            hedge=_word(Hedge, hedge, "hedge", but=Hedge.OTHER),
            time_in_force=_LIVES[life],
            stop_price=None if stop_price is None else _price(stop_price, "stop_price"),
            trigger=trigger,
            client_order_id=None if client_order_id is None else _client_order_id(client_order_id),
            prefer=prefer,
        )

    def fields(self, exchange: str, offset: Offset, quantity: int) -> dict[str, Any]:
        """Fields of an InputOrder for the whole order or one leg of it, without those that name sender and order."""
        time_condition, volume_condition = _CONDITIONS[self.time_in_force]
        legs = self.symbol.count("&") + 1  # a combination has a letter for each
        return {
            "InstrumentID": self.symbol,
            "ExchangeID": exchange,
            "Direction": codes.direction(self.side),
            "CombOffsetFlag": codes.OFFSET_CODES[offset] * legs,
            "CombHedgeFlag": codes.HEDGE_CODES[self.hedge] * legs,
            "OrderPriceType": _TYPES["market" if self.price is None else "limit"],
            "LimitPrice": 0.0 if self.price is None else float(self.price),
            "VolumeTotalOriginal": quantity,
            "TimeCondition": time_condition,
            "VolumeCondition": volume_condition,
            "MinVolume": 1,
            "ContingentCondition": codes.TRIGGERS[self.trigger] if self.trigger else _IMMEDIATELY,
            "StopPrice": 0.0 if self.stop_price is None else float(self.stop_price),
            "ForceCloseReason": "0",
            "IsAutoSuspend": 0,
            "UserForceClose": 0,
            "IsSwapOrder": 0,
        }


def one_name(client_order_id: str | None, order_id: str | None) -> None:
    """Check that exactly one of an order's two names was given."""
    if (client_order_id is None) == (order_id is None):
        raise ConfigError("name the order by client_order_id or by order_id, one of the two")


def _price(value: Number, name: str) -> Decimal:
    price = exact(value, name)
    if abs(price) >= _NO_PRICE:
        raise ConfigError(f"{name}: {value} is no price")
    return price


def _client_order_id(text: str) -> str:
    if not isinstance(text, str) or not text.isascii() or not text.isalnum() or len(text) > _MEMO_LETTERS:
        raise ConfigError(f"client_order_id is at most {_MEMO_LETTERS} ASCII letters and digits, not {text!r}")
    return text


def _word(kind: type[E], text: str, name: str, *, but: E | None = None, also: str | None = None) -> E:
    """A word of an enumeration, ``but`` for one that only the front may say."""
    words = [word for word in kind if word is not but]
    if text in words:
        return kind(text)
    known = ", ".join(repr(str(word)) for word in [*words, *([also] if also else [])])
    raise ConfigError(f"{name} must be one of {known}, not {text!r}")


def _one_of(words: dict[str, Any], text: str, name: str) -> None:
    if text not in words:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, words))}, not {text!r}")
