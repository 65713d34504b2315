"""Turn what CTP refuses into typed errors. The messages stay in Chinese, as sent."""

from __future__ import annotations

from typing import Any, Literal

from ..errors import (
    AuthenticationError,
    CtpError,
    CtpFlowControl,
    DuplicateOrder,
    Error,
    FilterViolation,
    InsufficientFunds,
    OrderNotFound,
    OrderRejected,
    PermissionDenied,
    VenueError,
)

__all__ = ["NOT_READY", "Refuser", "login_refused", "order_refused", "read_info", "request_refused", "who_refused"]

Refuser = Literal["ctp", "exchange"]

# Numbers of the vendor's error.xml (6.7.8, 2024-09). What is not here stays an OrderRejected or CtpError with its
# number.
NOT_READY = 90  # 查询未就绪，请稍后重试
_BY_EXCHANGE = 91  # 交易所返回的错误
_OWN_NAMES = ("CTP", "综合交易平台")  # what its messages begin with; exchanges' begin with their own

_ORDER: dict[int, type[OrderRejected]] = {
    16: FilterViolation,  # 找不到合约
    22: DuplicateOrder,  # 不允许重复报单
    25: OrderNotFound,  # 撤单找不到相应报单
    26: OrderNotFound,  # 报单已全成交或已撤销，不能再撤
    31: InsufficientFunds,  # 资金不足
    148: FilterViolation,  # 无效的ExchangeID字段
    163: FilterViolation,  # 报单价格不在涨跌停板价范围内
    164: FilterViolation,  # 下单数量不符合交易所规范
    165: FilterViolation,  # 报单价格非最小变动价位整数倍
}
_FLOW = {40, 41, 116, NOT_READY}  # 未处理请求超过许可数, 每秒发送请求数超过许可数, 下单频率限制
_FORBIDDEN = {9, 28, 49, 60, 62, 75}  # 无此权限, 没有报单交易权限, 登录IP, 会话超出上限, 条件单权限, 登录被禁止

# Refusals of a login that may pass by themselves: the system is starting or synchronising. Any other is final, because
# six to ten failures lock the user.
TRANSIENT_LOGIN = {1, 7, 8, 35, NOT_READY}


def read_info(info: Any) -> tuple[int, str]:
    """ErrorID and ErrorMsg of a RspInfo, which fronts may leave out when all is well."""
    return (0, "") if info is None else (info.ErrorID, info.ErrorMsg)


def login_refused(error_id: int, message: str) -> Error:
    """The error for a refused authentication, login or confirmation."""
    if error_id in TRANSIENT_LOGIN:
        return CtpError(message, error_id=error_id)
    kind = PermissionDenied if error_id in _FORBIDDEN else AuthenticationError
    return kind(message, venue="ctp", code=error_id)


def request_refused(error_id: int, message: str) -> CtpError:
    """The error for a refused query or subscription."""
    return (CtpFlowControl if error_id in _FLOW else CtpError)(message, error_id=error_id)


def who_refused(error_id: int, message: str) -> Refuser:
    """CTP speaks in its own name, or passes an exchange's word on."""
    return "ctp" if error_id != _BY_EXCHANGE and message.startswith(_OWN_NAMES) else "exchange"


def order_refused(message: str, *, by: Refuser, exchange: str, error_id: int | None = None) -> VenueError:
    """The error for a refused order or cancel; its ``venue`` is ``"ctp"`` or the exchange's id."""
    venue = exchange if by == "exchange" and exchange else "ctp"
    kind = OrderRejected if error_id is None else _ORDER.get(error_id, OrderRejected)
    return kind(message, venue=venue, code=error_id)
