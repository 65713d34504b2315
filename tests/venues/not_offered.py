"""Why our verbs do not offer a method or parameter of ccxt: every one that its cases use must have its reason here."""

from __future__ import annotations

from collections.abc import Mapping

_METHODS: Mapping[str, str] = {
    "money in and out of the venue, and between its wallets: no strategy needs it": """
        fetchDeposits fetchWithdrawals withdraw fetchDepositAddress fetchDepositWithdrawFees fetchTransactionFees
        transfer fetchTransfer fetchTransfers fetchLedger fetchCurrencies fetchMyDustTrades fetchConvertTrade
        fetchConvertTradeHistory fetchConvertQuote""",
    "loans and margin: we trade with what there is": """
        fetchCrossBorrowRate fetchCrossBorrowRates fetchIsolatedBorrowRate fetchBorrowInterest borrowCrossMargin
        borrowIsolatedMargin addMargin reduceMargin fetchMarginModes fetchMarginAdjustmentHistory""",
    "set-up of an account, which its owner decides once": """
        setLeverage fetchLeverageTiers setPositionMode fetchPositionMode""",
    "orders by their state: fetch_orders gives every state, and each order says its own": """
        fetchClosedOrders fetchCanceledOrders fetchCanceledAndClosedOrders fetchOpenOrder""",
    "several orders in one request: one each, so that each has an answer of its own": """
        createOrders editOrders cancelOrders""",
    "orders by the money to spend: a quantity is what create_order takes": """
        createMarketBuyOrderWithCost createMarketSellOrderWithCost""",
    "closing a position: an order with reduce_only does, and says what became of it": "closePosition",
    "changing an order: cancel it and create another": "editOrder editOrderWithClientOrderId",
    "orders that wait for a price: every venue's engine for them has rules of its own": "createTriggerOrder",
    "one of what fetch_positions gives whole": "fetchPosition fetchAccountPositions",
    "all markets at once of what we ask one market for": """
        fetchOpenInterests fetchFundingRates fetchMarkPrices fetchLastPrices fetchBidsAsks fetchTradingFees""",
    "an account's ledger besides fills: payments of funding, settlements, liquidations": """
        fetchFundingHistory fetchSettlementHistory fetchMySettlementHistory fetchMyLiquidations fetchPositionADLRank""",
    "open interest of the past: the pinned verb gives today's": "fetchOpenInterestHistory",
    "options: spot and linear contracts only": "fetchOption",
    "the venue's own word on its health: ping and health tell ours": "fetchStatus",
}
_PARAMETERS: Mapping[str, str] = {
    "portfolio margin, another account": "portfolioMargin",
    "orders that wait for a price: every venue's engine for them has rules of its own": """
        stop stopPrice triggerPrice trigger trailing trailingPercent takeProfit takeProfitPrice stopLoss stopLossPrice
        stopLossOrTakeProfit stopLossTakeProfit closeFraction""",
    "positions long and short at once: we trade in one-way mode": "hedged posSide positionSide position_side",
    "isolated margin: we trade in cross margin": "marginMode",
    "orders by the money to spend: a quantity is what create_order takes": "cost",
    "prices that the venue picks: ours are limits or the market's": "priceMatch rpi",
    "options: spot and linear contracts only": "instFamily",
    "trying an order without placing it": "preview test",
}


def _by_word(reasons: Mapping[str, str]) -> dict[str, str]:
    return {word: reason for reason, words in reasons.items() for word in words.split()}


METHODS = _by_word(_METHODS)
PARAMETERS = _by_word(_PARAMETERS)
