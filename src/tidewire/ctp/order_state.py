"""The states of an order, and which return may change which.

Returns arrive more than once, late, and after a login from the beginning of the day again; so a state never goes back.
The lots filled only grow, a final state stays, and a fill may still come after it.
"""

from __future__ import annotations

from ..models import OrderStatus

__all__ = ["advance", "read_status"]

_PENDING, _OPEN, _PARTIAL, _CANCELING = (
    OrderStatus.PENDING,
    OrderStatus.OPEN,
    OrderStatus.PARTIAL,
    OrderStatus.CANCELING,
)

# OrderStatus of CTP, without regard to its OrderSubmitStatus.
_BY_CODE = {
    "0": OrderStatus.FILLED,
    "1": _PARTIAL,
    "2": _PARTIAL,  # not queueing: the exchange has not said what becomes of the rest
    "3": _OPEN,
    "4": _PENDING,
    "5": OrderStatus.CANCELED,
    "a": _PENDING,
    "b": _OPEN,  # a conditional order that waits
    "c": OrderStatus.EXPIRED,  # a conditional order that has been triggered; another order follows
}
_INSERT_REJECTED, _CANCEL_SUBMITTED, _CANCEL_REJECTED = "4", "1", "5"

_RANK = {_PENDING: 0, _OPEN: 1, _PARTIAL: 2, _CANCELING: 3}


def read_status(order_status: str, submit_status: str) -> OrderStatus:
    """Our word for what one return says."""
    status = _BY_CODE.get(order_status, _PENDING)
    if status is OrderStatus.CANCELED and submit_status == _INSERT_REJECTED:
        return OrderStatus.REJECTED
    if submit_status == _CANCEL_SUBMITTED and not status.is_final:
        return _CANCELING
    return status


def advance(old: OrderStatus, new: OrderStatus, *, cancel_refused: bool = False) -> OrderStatus:
    """The state after a return.

    ``cancel_refused`` takes an order back from ``canceling``, the only way back there is.
    """
    if old.is_final:
        return old
    if new.is_final or (cancel_refused and old is _CANCELING):
        return new
    return new if _RANK[new] > _RANK[old] else old
