"""HTX's bare JSON numbers, to the last digit: none may pass through a double on its way to a ``Decimal``."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidewire as tw
from tidewire.book import BookState

SPOT = tw.venue("htx")
DIGITS = [
    "49056.37",
    "5.33E-4",
    "5.66E7",
    "2.3822168242201668E8",
    "0E-18",
    "9007199254740993",
    "0.1000000000000000055511151231257827021181583404541015625",
    "12345678901234567890.123456789012345678",
    "0.0031859832031779545255059460801016711",
    "1E-30",
]


@pytest.fixture(scope="module")
def linear() -> Any:
    venue = tw.venue("htx")
    row = {"symbol": "BTC", "contract_code": "BTC-USDT", "pair": "BTC-USDT", "contract_status": 1}
    body = json.dumps({"status": "ok", "data": [row | {"contract_size": "SIZE", "price_tick": "TICK"}]})
    body = body.replace('"SIZE"', "0.001000000000000000").replace('"TICK"', "0.100000000000000000")
    venue.learn(venue.fetch_instruments("linear").parse(body.encode()))
    return venue


def exactly(ours: Decimal | None, text: str) -> bool:
    return ours is not None and ours.as_tuple() == Decimal(text).as_tuple()


@pytest.mark.parametrize("text", DIGITS)
def test_digits_arrive_as_sent(text: str) -> None:
    depth = f'{{"status":"ok","ts":1,"tick":{{"bids":[[{text},{text}]],"asks":null,"version":7}}}}'
    book = SPOT.fetch_book("BTC-USDT").parse(depth.encode())
    assert exactly(book.bids[0].price, text)
    assert book.bids[0].quantity == Decimal(text)
    assert book.asks == ()
    trade = f'{{"status":"ok","tick":{{"data":[{{"id":1,"ts":1,"amount":1,"price":{text},"direction":"buy"}}]}}}}'
    assert exactly(SPOT.fetch_price("BTC-USDT").parse(trade.encode()), text)


@given(
    st.integers(min_value=0, max_value=10**40), st.integers(min_value=-40, max_value=20), st.sampled_from(["E", "e"])
)
def test_any_number_is_read_to_its_last_digit(number: int, exponent: int, mark: str) -> None:
    text = f"{number}{mark}{exponent}"
    body = f'{{"status":"ok","tick":{{"data":[{{"id":1,"ts":1,"amount":1,"price":{text},"direction":"buy"}}]}}}}'
    assert exactly(SPOT.fetch_price("BTC-USDT").parse(body.encode()), text)


def test_ids_of_23_digits_stay_whole_and_give_way_to_the_trades_own() -> None:
    row = '{"amount":1.98E-4,"ts":1616243199156,"id":%s,"price":58911.07,"direction":"sell"%s}'
    body = '{"status":"ok","data":[{"id":1,"ts":1,"data":[%s]}]}'
    long = "10500517034273194594947"
    only = SPOT.fetch_trades("BTC-USDT").parse((body % (row % (long, ""))).encode())[0]
    assert only.trade_id == long
    both = SPOT.fetch_trades("BTC-USDT").parse((body % (row % (long, ',"trade-id":102090736910'))).encode())[0]
    assert both.trade_id == "102090736910"
    assert (both.quantity, both.side, both.time_ns) == (Decimal("0.000198"), tw.Side.SELL, 1616243199156 * 10**6)


def test_contracts_become_base_units(linear: Any) -> None:
    rules = linear.known_instrument(tw.Symbol.parse("BTC-USDT-PERP"))
    assert (str(rules.tick_size), str(rules.lot_size), str(rules.contract_size)) == ("0.1", "0.001", "0.001")
    depth = b'{"status":"ok","ts":1,"tick":{"bids":[[13071.9,38]],"asks":[[13081.9,197]],"version":1512467}}'
    book = linear.fetch_book("BTC-USDT-PERP").parse(depth)
    assert (book.bids[0].quantity, book.asks[0].quantity) == (Decimal("0.038"), Decimal("0.197"))
    trade = b'{"status":"ok","data":[{"data":[{"amount":40,"ts":1,"id":9,"price":58769.9,"direction":"buy"%s}]}]}'
    call = linear.fetch_trades("BTC-USDT-PERP")
    assert call.parse(trade % b"")[0].quantity == Decimal("0.04")
    assert call.parse(trade % b',"quantity":0.0400')[0].quantity == Decimal("0.04")
    order = linear.create_order("BTC-USDT-PERP", side="buy", type="market", quantity="0.005", reduce_only=True)
    assert json.loads(order.request.body)["volume"] == "5"
    with pytest.raises(tw.FilterViolation, match=r"not a multiple of 0\.001"):
        linear.create_order("BTC-USDT-PERP", side="buy", type="market", quantity="0.0005")


def test_contracts_of_an_instrument_that_nobody_learnt_are_no_guess() -> None:
    depth = b'{"status":"ok","ts":1,"tick":{"bids":[[13071.9,38]],"asks":[]}}'
    with pytest.raises(tw.UnknownSymbol, match="learn"):
        tw.venue("htx").fetch_book("BTC-USDT-PERP").parse(depth)


@pytest.mark.parametrize(
    ("file", "symbol", "times", "volume", "value"),
    [
        ("Spot", "BTC-USDT", [1629768900, 1629769200], 30.72223099519689, 1505870.732227976),
        ("UsdtMarginSwap", "BTC-USDT-PERP", [1603695060], 0.004, 52.3072),
    ],
)
def test_amount_is_base_and_quote_volume_is_what_it_is_called_there(
    fixtures: Path, file: str, symbol: str, times: list[int], volume: float, value: float
) -> None:
    body = (fixtures / "klines" / f"GetKlines_HTX_{file}.json").read_bytes()
    bars = SPOT.fetch_klines(symbol, "5m" if file == "Spot" else "1m").parse(body)
    assert (bars.open_time // 10**9).tolist() == times  # ascending, though spot sends the newest first
    assert (bars.volume[0], bars.quote_volume[0]) == (volume, value)
    again = tw.decode_klines(body, SPOT.kline_layout("spot" if file == "Spot" else "linear"))
    assert again.close.tolist() == bars.close.tolist()


def test_a_page_of_klines_never_spans_more_than_itself() -> None:
    def sent(**window: object) -> dict[str, str]:
        query = SPOT.fetch_klines("BTC-USDT", "1m", **window).request.url.partition("?")[2]
        return dict(part.split("=") for part in query.split("&"))

    start, second = 1_700_000_000 * 10**9, 10**9
    assert (sent(start=start, limit=3)["from"], sent(start=start, limit=3)["to"]) == ("1700000000", "1700000179")
    assert sent(start=start, end=start + 61 * second)["to"] == "1700000060"
    assert (sent(start=start + 1)["from"], sent(end=start + 1)["to"]) == ("1700000001", "1700000000")
    assert sent(end=start, limit=5000)["from"] == str(1_700_000_000 - 1000 * 60)
    swap = SPOT.fetch_klines("BTC-USDT-PERP", "1m", start=start, limit=3).request.url
    assert "size" not in swap  # with a size the venue would ignore the window
    assert "size=3" in SPOT.fetch_klines("BTC-USDT-PERP", "1m", limit=3).request.url


def test_a_finished_day_is_one_that_ended_in_singapore() -> None:
    noon = 1_700_049_600 * 10**9  # 2023-11-15T12:00Z
    day = SPOT.spec.open_time(tw.Interval.parse("1d"), noon)
    assert day == noon - 20 * 3600 * 10**9  # 16:00 UTC the day before
    assert SPOT.spec.open_time(tw.Interval.parse("1w"), noon) == day - 2 * 86_400 * 10**9  # Monday in Singapore
    assert SPOT.spec.open_time(tw.Interval.parse("4h"), noon) == noon


def test_balances_orders_and_fills_of_spot() -> None:
    order = {
        "id": 1168150634634374,
        "symbol": "ltcusdt",
        "client-order-id": "",
        "amount": "0.210000000000000000",
        "price": "50.000000000000000000",
        "type": "buy-limit-maker",
        "state": "partial-canceled",
        "created-at": 1727694217201,
        "canceled-at": 1727694218000,
        "finished-at": 0,
    }
    for prefix in ("field", "filled"):  # spelt either way, from one address to the next
        figures = {f"{prefix}-amount": "0.1", f"{prefix}-cash-amount": "4.9", f"{prefix}-fees": "0.0002"}
        body = json.dumps({"status": "ok", "data": order | figures}).encode()
        read = SPOT.fetch_order("LTC-USDT", order_id="1168150634634374").parse(body)
        assert read.status is tw.OrderStatus.CANCELED
        assert (read.filled, read.quote_filled) == (Decimal("0.1"), Decimal("4.9"))
        assert (read.average_price, read.price, read.post_only) == (49, 50, True)
        assert (read.client_order_id, read.updated_ns) == (None, 1727694218000 * 10**6)
    fill = {
        "symbol": "polyusdt",
        "fee-currency": "poly",
        "price": "0.338",
        "created-at": 1629443051839,
        "role": "taker",
        "order-id": 345487249132375,
        "trade-id": 1085,
        "filled-amount": "147.928994082840236",
        "filled-fees": "0",
        "filled-points": "0.1",
        "fee-deduct-currency": "hbpoint",
        "id": 313288753120940,
        "type": "buy-market",
    }
    paid = SPOT.fetch_fills("POLY-USDT").parse(json.dumps({"status": "ok", "data": [fill]}).encode())[0]
    assert (paid.fee, paid.fee_asset, paid.maker, paid.fill_id) == (Decimal("0.1"), "HBPOINT", False, "1085")
    with pytest.raises(tw.DecodeError, match="unknown state"):
        SPOT.fetch_order("LTC-USDT", order_id="1").parse(
            json.dumps({"status": "ok", "data": order | {"state": "dreaming"}}).encode()
        )


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (SPOT.fetch_price("BTC-USDT"), '{"status":"ok","tick":{"data":[]}}'),
        (SPOT.fetch_price("BTC-USDT"), '{"status":"ok","tick":null}'),
        (SPOT.fetch_trades("BTC-USDT"), '{"data":[{"data":[{"id":1,"ts":1,"price":1,"amount":1,"direction":""}]}]}'),
        (SPOT.fetch_order("BTC-USDT", order_id="1"), '{"data":{"id":1,"symbol":"","type":"x","state":"","amount":1}}'),
        (SPOT.cancel_order("BTC-USDT", client_order_id="a"), '{"status":"ok","data":"maybe"}'),
    ],
)
def test_answers_that_make_no_sense(call: Any, body: str) -> None:
    with pytest.raises(tw.DecodeError):
        call.parse(body.encode())


def test_orders_that_the_venue_does_not_have_are_refused_before_sending() -> None:
    limit = {"side": "buy", "type": "limit", "quantity": 1, "price": 1}
    with pytest.raises(tw.NotSupported, match="swaps"):
        SPOT.create_order("BTC-USDT", **limit, reduce_only=True)
    with pytest.raises(tw.NotSupported, match="ioc"):
        SPOT.create_order("BTC-USDT", side="buy", type="market", quantity=1)
    with pytest.raises(tw.ConfigError, match="64 characters"):
        SPOT.create_order("BTC-USDT", **limit, client_order_id="x" * 65)
    with pytest.raises(tw.ConfigError, match="whole number"):
        SPOT.fetch_order("BTC-USDT-PERP", client_order_id="mine")


# Books, in the very frames that others recorded.


def frames(fixtures: Path, case: str) -> list[bytes]:
    lines = (fixtures / "crypto_msg_parser" / "huobi.jsonl").read_text().splitlines()
    return [row["raw"].encode() for row in map(json.loads, lines) if row["case"] == case]


def test_spot_deltas_chain_onto_the_snapshot_asked_for(fixtures: Path) -> None:
    layout = SPOT.book_layout("spot")
    deltas = frames(fixtures, "spot_update")
    first = next(delta for delta in deltas if json.loads(delta)["tick"]["prevSeqNum"] == 129803485424)
    book = tw.OrderBook(tick_size="0.01", lot_size="0.000001")
    levels = '"bids":[[38765.39,0.5]],"asks":[[38763.0,1]]'.replace("38765.39", "38762.0")
    book.apply_snapshot(
        b'{"id":"1","rep":"market.btcusdt.mbp.150","status":"ok","data":{"seqNum":129803485424,%s}}' % levels.encode(),
        layout,
    )
    assert book.apply(first, layout)
    assert (book.state, book.sequence) == (BookState.LIVE, 129803485567)
    assert (book.best_bid.price, book.best_bid.quantity) == (Decimal("38762.87"), Decimal("0.009708"))
    other = next(delta for delta in deltas if delta != first)  # one-sided, and a size with an exponent
    with pytest.raises(tw.SequenceGap):
        book.apply(other, layout)


def test_swap_frames_snapshot_and_then_count_by_one(fixtures: Path) -> None:
    layout = SPOT.book_layout("linear")
    snapshot = frames(fixtures, "linear_swap_snapshot")[0]
    book = tw.OrderBook(tick_size="0.1", lot_size="1")
    book.apply_snapshot(snapshot, layout)
    version = json.loads(snapshot)["tick"]["version"]
    assert (book.state, book.sequence) == (BookState.LIVE, version)
    assert book.best_ask.quantity == 19345
    update = '{"ch":"c","tick":{"asks":[[39055,0]],"bids":null,"event":"update","version":%d,"ts":1},"ts":1}'
    assert book.apply((update % (version + 1)).encode(), layout)
    assert book.best_ask.price == Decimal("39056.8")
    with pytest.raises(tw.SequenceGap):
        book.apply((update % (version + 3)).encode(), layout)
