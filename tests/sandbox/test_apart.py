"""Markets beside their common price, as asked for, and no others."""

from __future__ import annotations

import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox
from tidewire.symbols import Symbol

VENUES = ("binance", "okx", "htx", "coinbase")


def prices(sandbox: Sandbox, symbol: str) -> list[float]:
    name = Symbol.parse(symbol)
    return [sandbox.inspect(venue, lambda exchange: float(exchange.markets[name].mark())) for venue in VENUES]


def spread(sandbox: Sandbox, symbol: str) -> float:
    found = prices(sandbox, symbol)
    return max(found) / min(found) - 1


def test_venues_agree_unless_told_otherwise() -> None:
    sandbox = Sandbox(VENUES, levels=5)
    assert spread(sandbox, "BTC-USDT") < 0.001
    wide = [spread(Sandbox(VENUES, levels=5, apart=0.01, seed=seed), "BTC-USDT") for seed in range(1, 9)]
    assert 0.001 < max(wide) < 0.0205


def test_assets_cost_in_one_another_what_they_cost_in_dollars() -> None:
    sandbox = Sandbox(VENUES, levels=5)
    bitcoin, ether, cross = (prices(sandbox, symbol) for symbol in ("BTC-USDT", "ETH-USDT", "ETH-BTC"))
    assert cross == pytest.approx([one / other for one, other in zip(ether, bitcoin, strict=True)], rel=0.003)


def test_one_market_leans_from_its_next_step_on_and_back() -> None:
    sandbox = Sandbox(VENUES, levels=5)
    before = prices(sandbox, "BTC-USDT")
    sandbox.lean("okx", "BTC-USDT", 0.02)
    sandbox.step()
    after = prices(sandbox, "BTC-USDT")
    assert [new / old for new, old in zip(after, before, strict=True)] == pytest.approx([1, 1.02, 1, 1], abs=0.005)
    sandbox.lean("okx", "BTC-USDT", 0.0)
    sandbox.step(3)
    assert spread(sandbox, "BTC-USDT") < 0.005


@pytest.mark.parametrize("apart", [-0.1, 1.0])
def test_a_fraction_is_a_fraction(apart: float) -> None:
    with pytest.raises(tw.ConfigError):
        Sandbox(VENUES, apart=apart)
