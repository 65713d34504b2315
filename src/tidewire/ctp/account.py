"""The account's money, from a row of ReqQryTradingAccount."""

from __future__ import annotations

from typing import Any

from .amounts import amount
from .models import Account
from .ticktime import parse_day

__all__ = ["read_account"]


def read_account(row: Any) -> Account:
    """An account as the front reckons it."""
    return Account(
        account_id=row.AccountID,
        currency=row.CurrencyID or "CNY",
        trading_day=parse_day(row.TradingDay),
        balance=amount(row.Balance),
        available=amount(row.Available),
        pre_balance=amount(row.PreBalance),
        margin=amount(row.CurrMargin),
        frozen_margin=amount(row.FrozenMargin),
        frozen_commission=amount(row.FrozenCommission),
        frozen_cash=amount(row.FrozenCash),
        commission=amount(row.Commission),
        realized_pnl=amount(row.CloseProfit),
        unrealized_pnl=amount(row.PositionProfit),
        deposit=amount(row.Deposit),
        withdraw=amount(row.Withdraw),
        withdrawable=amount(row.WithdrawQuota),
    )
