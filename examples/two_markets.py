"""One strategy over both worlds: Chinese futures and crypto in the same columns, models and errors.

Runs offline, against the simulated CTP front and the local sandbox.
"""

import datetime as dt

import tidewire as tw
from tidewire.ctp import Market, Trader, sim
from tidewire.futures import Ctp, Futures

MINUTES = 30
USER = ("9999", "1", "tidewire")


def show(klines: tw.Klines, instrument: tw.Instrument, ticker: tw.Ticker) -> None:
    """The strategy, such as it is: the last close against the mean, and a bid one tick under the market."""
    trend = float(klines.close[-1] / klines.close.mean() - 1)
    if ticker.bid is not None:
        price = instrument.round_price(ticker.bid - instrument.tick_size)
        print(f"{instrument.symbol} at {ticker.venue}: {len(klines)} bars, {trend:+.3%}, bid {price}")


def crypto() -> None:
    with tw.sandbox.Sandbox("binance") as sandbox, tw.Client("binance", environment=sandbox) as client:
        klines = client.fetch_klines("BTC-USDT", "1m", limit=MINUTES)
        show(klines, client.instrument("BTC-USDT"), client.fetch_ticker("BTC-USDT"))


def futures() -> None:
    # China's clock shortly before a night session; it stands still but for advance().
    evening = dt.datetime.fromisoformat("2026-06-30 20:58")
    with sim.Front(start=evening, clock=0, hours="sessions", query_rate=100_000) as front:
        market = Market(front.address, broker_id=USER[0], user_id=USER[1], password=USER[2], library="sim")
        trader = Trader(front.address, *USER, "app", sim.AUTH_CODE, library="sim")
        with Futures([Ctp(market, trader)]) as client, client.watch_klines("rb2610", "1m") as live:
            client.fetch_ticker("rb2610")
            front.advance((2 + MINUTES + 1) * 60)
            for _ in range(MINUTES):
                next(live)
            if live.bars is not None:
                show(live.bars, client.instrument("rb2610"), client.fetch_ticker("rb2610"))
            try:
                client.fetch_klines("rb2610", "1m")  # CTP tells no history
            except tw.NotSupported as error:
                print(error)


crypto()
futures()
