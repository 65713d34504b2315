"""Fee answers as the venues document them, each in its own words and sign."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

import tidewire as tw

PART = {"maker": "0.00000010", "taker": "0.00000020", "buyer": "0.00000030", "seller": "0.00000040"}
OKX_TIER = {"level": "Lv1", "maker": "-0.0008", "taker": "-0.001", "makerUSDC": "0.0001", "takerUSDC": "-0.0007"}
OKX_SWAP = {**OKX_TIER, "makerU": "-0.0002", "takerU": "-0.0005", "makerUSDC": "", "takerUSDC": ""}
TIER = {"pricing_tier": "Advanced 1", "taker_fee_rate": "0.008", "maker_fee_rate": "0.006"}
HTX_RATE = {"makerFeeRate": "0.002", "takerFeeRate": "0.002", "actualMakerRate": "0.0014", "actualTakerRate": "0.0015"}

ANSWERS: list[tuple[str, str, Any, str, str]] = [
    ("binance", "BTC-USDT", {"standardCommission": PART, "taxCommission": PART}, "0.00000100", "0.00000120"),
    ("binance", "BTC-USDT", {"standardCommission": PART, "specialCommission": PART}, "0.00000100", "0.00000120"),
    ("binance", "BTC-USDT-PERP", {"makerCommissionRate": "-0.00005", "takerCommissionRate": "4e-4"}, "-5e-5", "4e-4"),
    ("okx", "BTC-USDT", {"code": "0", "data": [OKX_TIER]}, "0.0008", "0.001"),
    ("okx", "BTC-USDC", {"code": "0", "data": [OKX_TIER]}, "-0.0001", "0.0007"),
    ("okx", "BTC-USDT-PERP", {"code": "0", "data": [OKX_SWAP]}, "0.0002", "0.0005"),
    (
        "okx",
        "BTC-USDT",
        {"code": "0", "data": [{**OKX_TIER, "feeGroup": [{"groupId": "1", "maker": "-0.0003", "taker": "-0.0004"}]}]},
        "0.0003",
        "0.0004",
    ),
    (
        "htx",
        "BTC-USDT",
        {"code": 200, "data": [{"symbol": "btcusdt", **HTX_RATE}], "success": True},
        "0.0014",
        "0.0015",
    ),
    ("coinbase", "BTC-USD", {"maker_fee_rate": "0.0050", "taker_fee_rate": "0.0060"}, "0.005", "0.006"),
    ("coinbase_advanced", "BTC-USD", {"total_volume": 0, "fee_tier": TIER}, "0.006", "0.008"),
]


@pytest.mark.parametrize(("venue", "symbol", "answer", "maker", "taker"), ANSWERS)
def test_rates_are_fractions_and_charged_is_positive(
    venue: str, symbol: str, answer: Any, maker: str, taker: str
) -> None:
    call = tw.venue(venue).fetch_trading_fee(symbol)
    assert not call.writes
    fee = call.parser(json.dumps(answer).encode())
    assert (fee.maker, fee.taker) == (Decimal(maker), Decimal(taker))
    assert (fee.venue, str(fee.symbol)) == (venue, symbol)


@pytest.mark.parametrize(
    ("venue", "answer"),
    [
        ("okx", {"code": "0", "data": [{"level": "Lv1", "maker": "", "taker": ""}]}),
        ("okx", {"code": "0", "data": []}),
        ("htx", {"code": 200, "data": []}),
        ("binance", {"symbol": "BTCUSDT"}),
    ],
)
def test_an_answer_without_the_rates_is_no_zero(venue: str, answer: Any) -> None:
    with pytest.raises(tw.DecodeError):
        tw.venue(venue).fetch_trading_fee("BTC-USDT").parser(json.dumps(answer).encode())


def test_contracts_are_asked_by_family_where_the_venue_wants_it() -> None:
    url = tw.venue("okx").fetch_trading_fee("BTC-USDT-PERP").request.url
    assert url.endswith("/api/v5/account/trade-fee?instType=SWAP&instFamily=BTC-USDT")
