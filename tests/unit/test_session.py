"""Retries, clock, limits and order safety, against a venue whose every answer the test decides."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

import tidewire as tw
from tidewire import _session
from tidewire._call import Call, Response

KEY, SECRET = "k" * 40, "s" * 40
Handler = Callable[[httpx.Request], httpx.Response]

INFO = {
    "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}],
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.0", "stepSize": "0.00001"},
                {"filterType": "NOTIONAL", "minNotional": "5.0"},
            ],
        }
    ],
}
ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 7,
    "clientOrderId": "mine",
    "status": "NEW",
    "side": "BUY",
    "type": "LIMIT",
    "origQty": "1.0",
    "executedQty": "0.0",
    "price": "100.00",
    "transactTime": 1_700_000_000_000,
}


class FakeVenue:
    """Answers by path; counts what was asked. ``then`` queues answers (or exceptions) for a path before its default."""

    def __init__(self, offset_ms: int = 0) -> None:
        self.offset_ms = offset_ms
        self.asked: list[httpx.Request] = []
        self.queued: dict[str, list[httpx.Response | Exception | Handler]] = {}

    def then(self, path: str, *answers: httpx.Response | Exception | Handler) -> None:
        self.queued.setdefault(path, []).extend(answers)

    def count(self, path: str, method: str | None = None) -> int:
        return sum(r.url.path == path and method in (None, r.method) for r in self.asked)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        waiting = self.queued.get(request.url.path)
        if waiting:
            answer = waiting.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer(request) if callable(answer) else answer
        return self.default(request)

    def default(self, request: httpx.Request) -> httpx.Response:
        bodies: dict[str, Any] = {
            "/api/v3/ping": {},
            "/api/v3/time": {"serverTime": time.time_ns() // 1_000_000 + self.offset_ms},
            "/api/v3/exchangeInfo": INFO,
            "/fapi/v1/exchangeInfo": {"symbols": []},
            "/api/v3/ticker/price": {"symbol": "BTCUSDT", "price": "42000.50"},
            "/api/v3/account": {"balances": [{"asset": "BTC", "free": "1", "locked": "0.5"}]},
            "/api/v3/order": ORDER,
        }
        return httpx.Response(200, json=bodies[request.url.path])


@pytest.fixture
def venue() -> FakeVenue:
    return FakeVenue()


_ports = iter(range(1, 10_000))


def address() -> str:
    """A fresh address a test, so that no two share a limiter."""
    return f"http://venue-{next(_ports)}.invalid"


@pytest.fixture
def client(venue: FakeVenue, monkeypatch: pytest.MonkeyPatch) -> Iterator[tw.Client]:
    monkeypatch.setattr(_session, "_backoff", lambda failures: 0.0)
    http = httpx.Client(transport=httpx.MockTransport(venue))
    with tw.Client("binance", credentials=tw.Credentials(KEY, SECRET), base_url=address(), http=http) as made:
        yield made
    http.close()


def buy(client: tw.Client, **changes: Any) -> tw.Order:
    terms = {"side": "buy", "type": "limit", "quantity": "1", "price": "100", "client_order_id": "mine"}
    return client.create_order("BTC-USDT", **{**terms, **changes})


HTML = httpx.Response(200, text="<html><body>Service maintenance</body></html>")


@pytest.mark.parametrize(
    "answers",
    [
        [httpx.ReadTimeout("slow")],
        [httpx.ConnectError("refused"), httpx.ReadError("reset")],
        [httpx.Response(502, text="bad gateway")],
        [httpx.Response(503, json={"code": -1008, "msg": "Server is currently overloaded"})] * 3,
        [httpx.Response(429, json={"code": -1003, "msg": "Too many"}, headers={"Retry-After": "0"})],
    ],
)
def test_reads_are_repeated(venue: FakeVenue, client: tw.Client, answers: list[Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(_session, "_FREEZE_S", 0.01)
    venue.then("/api/v3/ticker/price", *answers)
    assert str(client.fetch_price("BTC-USDT")) == "42000.50"
    assert venue.count("/api/v3/ticker/price") == len(answers) + 1
    assert client.health().ok


def test_reads_are_repeated_no_more_than_asked(venue: FakeVenue, client: tw.Client) -> None:
    venue.then("/api/v3/ticker/price", *[httpx.ReadTimeout("slow")] * 9)
    with pytest.raises(tw.Timeout) as caught:
        client.fetch_price("BTC-USDT")
    assert venue.count("/api/v3/ticker/price") == 4
    assert caught.value.venue == "binance"
    assert not client.health().ok
    assert "Timeout" in str(client.health().last_error)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."}), tw.UnknownSymbol),
        (httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."}), tw.InvalidRequest),
        (httpx.Response(400, json={"code": -1100, "msg": "Illegal characters"}), tw.InvalidRequest),
        (httpx.Response(400, json={"code": -9999, "msg": "New"}), tw.VenueError),
        (httpx.Response(401, json={"code": -2015, "msg": "Invalid API-key"}), tw.AuthenticationError),
        (httpx.Response(403, text="<html>WAF</html>"), tw.PermissionDenied),
        (HTML, tw.DecodeError),
        (httpx.Response(200, content=b'{"symbol":"BTCUSDT","pri'), tw.DecodeError),
        (httpx.Response(200, content=b'{"symbol":"BTCUSDT","price":"4\xff2"}'), tw.DecodeError),
        (httpx.Response(200, content=b""), tw.DecodeError),
        (httpx.Response(200, json=[1, 2]), tw.DecodeError),
    ],
)
def test_refusals_are_told_once(venue: FakeVenue, client: tw.Client, answer: Any, error: type[Exception]) -> None:
    venue.then("/api/v3/ticker/price", answer)
    with pytest.raises(error) as caught:
        client.fetch_price("BTC-USDT")
    assert venue.count("/api/v3/ticker/price") == 1
    assert caught.value.venue == "binance"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("closed without an answer"),
        httpx.WriteError("broken pipe"),
        httpx.Response(500, text="oops"),
        httpx.Response(503, json={"code": -1007, "msg": "Timeout waiting for response from backend server."}),
        httpx.Response(400, json={"code": -1006, "msg": "An unexpected response was received from the message bus."}),
        HTML,
        httpx.Response(200, content=b'{"symbol":"BTCUS'),
    ],
)
def test_a_lost_answer_to_a_write_is_unknown(venue: FakeVenue, client: tw.Client, answer: Any) -> None:
    venue.then("/api/v3/order", answer)
    with pytest.raises(tw.OutcomeUnknown) as caught:
        buy(client)
    assert venue.count("/api/v3/order", "POST") == 1
    assert (caught.value.client_order_id, caught.value.symbol) == ("mine", "BTC-USDT")
    assert caught.value.verb == "create_order"
    assert not caught.value.retryable
    assert "mine" in str(caught.value)
    assert client.resolve_order(caught.value).order_id == "7"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ConnectError("refused"), tw.ConnectionFailed),
        (httpx.ConnectTimeout("slow"), tw.Timeout),
        (httpx.Response(503, json={"code": -1008, "msg": "Server is currently overloaded"}), tw.VenueUnavailable),
        (httpx.Response(503, json={"code": 0, "msg": "Service Unavailable."}), tw.VenueUnavailable),
        (httpx.Response(400, json={"code": -2010, "msg": "Account has insufficient balance"}), tw.InsufficientFunds),
        (httpx.Response(400, json={"code": -2010, "msg": "Duplicate order sent."}), tw.DuplicateOrder),
        (httpx.Response(400, json={"code": -1013, "msg": "Filter failure: LOT_SIZE"}), tw.FilterViolation),
        (httpx.Response(400, json={"code": -1021, "msg": "Timestamp outside of recvWindow"}), tw.ClockSkew),
        (httpx.Response(429, json={"code": -1015, "msg": "Too many new orders"}), tw.RateLimited),
    ],
)
def test_a_write_that_surely_failed_is_told_so(
    venue: FakeVenue, client: tw.Client, answer: Any, error: type[tw.Error]
) -> None:
    venue.then("/api/v3/order", answer)
    with pytest.raises(error) as caught:
        buy(client)
    assert not isinstance(caught.value, tw.OutcomeUnknown)
    assert venue.count("/api/v3/order") == 1


def test_resolve_waits_out_the_validity_window(venue: FakeVenue, client: tw.Client) -> None:
    missing = httpx.Response(400, json={"code": -2013, "msg": "Order does not exist."})
    venue.then("/api/v3/order", httpx.ReadTimeout("slow"), missing, missing)
    with pytest.raises(tw.OutcomeUnknown) as caught:
        buy(client)
    assert client.resolve_order(caught.value, timeout=30).order_id == "7"
    venue.then("/api/v3/order", *[missing] * 50)
    with pytest.raises(tw.OrderNotFound):
        client.resolve_order(caught.value, timeout=0.3)


def test_clock_skew_is_resynchronised_once(venue: FakeVenue, client: tw.Client) -> None:
    client.fetch_balances()
    skew = httpx.Response(400, json={"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."})
    venue.offset_ms = 90_000
    venue.then("/api/v3/account", skew)
    client.fetch_balances()
    stamps = [
        int(dict(parse_qsl(r.url.query.decode()))["timestamp"]) for r in venue.asked if r.url.path.endswith("account")
    ]
    assert len(stamps) == 3
    assert stamps[2] - stamps[1] > 80_000  # signed again, with the clock learnt since
    assert abs(client.health().clock_offset_ms - 90_000) < 5_000  # type: ignore[operator]
    venue.then("/api/v3/account", skew, skew)
    with pytest.raises(tw.ClockSkew):
        client.fetch_balances()


def test_a_bare_refusal_whose_date_belies_our_clock_is_clock_skew(venue: FakeVenue, client: tw.Client) -> None:
    client.fetch_balances()
    later = {"date": format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10), usegmt=True)}
    venue.then("/api/v3/account", httpx.Response(401, json={"code": -2014, "msg": "no"}))
    with pytest.raises(tw.AuthenticationError) as caught:
        client.fetch_balances()
    assert not isinstance(caught.value, tw.ClockSkew)
    venue.offset_ms = 600_000
    venue.then("/api/v3/account", httpx.Response(401, json={"code": -2014, "msg": "no"}, headers=later))
    assert client.fetch_balances()  # signed again, with the clock learnt since
    assert abs(client.health().clock_offset_ms - 600_000) < 5_000  # type: ignore[operator]


def test_a_clock_that_cannot_be_read_does_not_stop_the_call(venue: FakeVenue, client: tw.Client, caplog: Any) -> None:
    venue.then("/api/v3/time", *[httpx.Response(200, json={})] * 3)
    assert client.fetch_balances()[0].asset == "BTC"
    assert "cannot read its clock" in caplog.text


def test_a_ban_stops_everything_locally(venue: FakeVenue, client: tw.Client) -> None:
    venue.then(
        "/api/v3/ticker/price",
        httpx.Response(418, json={"code": -1003, "msg": "Way too many"}, headers={"Retry-After": "77"}),
    )
    with pytest.raises(tw.Banned) as caught:
        client.fetch_price("BTC-USDT")
    assert caught.value.retry_after == 77
    for verb in (client.ping, lambda: client.fetch_price("BTC-USDT"), lambda: buy(client)):
        with pytest.raises(tw.Banned):
            verb()
    assert len(venue.asked) == 1


def test_used_weight_in_the_answer_counts(venue: FakeVenue, client: tw.Client) -> None:
    venue.then("/api/v3/ping", httpx.Response(200, json={}, headers={"X-MBX-USED-WEIGHT-1M": "3000"}))
    client.ping()
    assert client.health().limits["spot-weight-1m"] == pytest.approx(0.5, abs=0.01)


def test_published_limits_replace_ours(venue: FakeVenue, client: tw.Client) -> None:
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100}
    venue.then("/api/v3/exchangeInfo", httpx.Response(200, json={**INFO, "rateLimits": [limit]}))
    client.fetch_instruments("spot")
    assert client.health().limits["spot-weight-1m"] == pytest.approx(0.2)


def test_clients_at_one_address_share_a_limiter(venue: FakeVenue) -> None:
    http = httpx.Client(transport=httpx.MockTransport(venue))
    where = address()
    with (
        tw.Client("binance", base_url=where, http=http) as one,
        tw.Client("binance", base_url=where, http=http, credentials=tw.Credentials(KEY, SECRET)) as other,
    ):
        one.ping()
        assert other.health().limits["spot-weight-1m"] > 0
        buy(other)
        assert "spot-orders-10s" in other.health().limits
        assert one.health().limits.get("spot-orders-10s", 0) == 0
    http.close()


def test_private_verbs_ask_for_credentials(venue: FakeVenue) -> None:
    http = httpx.Client(transport=httpx.MockTransport(venue))
    with (
        tw.Client("binance", base_url=address(), http=http) as client,
        pytest.raises(tw.ConfigError, match="credentials"),
    ):
        client.fetch_balances()
    assert not venue.asked
    http.close()


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"side": "hold"}, tw.ConfigError, "side"),
        ({"type": "iceberg"}, tw.ConfigError, "type"),
        ({"quantity": "-1"}, tw.ConfigError, "positive"),
        ({"quantity": 0}, tw.ConfigError, "positive"),
        ({"quantity": "a lot"}, tw.ConfigError, "quantity"),
        ({"quantity": float("nan")}, tw.ConfigError, "finite"),
        ({"price": "-5"}, tw.ConfigError, "price"),
        ({"price": None}, tw.ConfigError, "price"),
        ({"type": "market"}, tw.ConfigError, "price"),
        ({"time_in_force": "forever"}, tw.ConfigError, "time_in_force"),
        ({"post_only": True, "time_in_force": "ioc"}, tw.ConfigError, "post_only"),
        ({"reduce_only": True}, tw.NotSupported, "reduce_only"),
        ({"price": "100.001"}, tw.FilterViolation, "100.00"),
        ({"quantity": "1.000001"}, tw.FilterViolation, "multiple"),
        ({"quantity": "0.00001"}, tw.FilterViolation, "notional"),
        ({"quantity": "9001"}, tw.FilterViolation, "maximum"),
    ],
)
def test_bad_orders_are_not_sent(
    venue: FakeVenue, client: tw.Client, changes: dict[str, Any], error: type[tw.Error], words: str
) -> None:
    with pytest.raises(error, match=words):
        buy(client, **changes)
    assert venue.count("/api/v3/order") == 0


def test_unknown_symbols_get_a_hint(venue: FakeVenue, client: tw.Client) -> None:
    with pytest.raises(tw.UnknownSymbol, match="did you mean BTC-USDT"):
        client.instrument("BTC-USTD")
    with pytest.raises(tw.UnknownSymbol, match="did you mean BTC-USDT"):
        client.instrument("BTCUSDT")
    with pytest.raises(tw.NotSupported):
        client.fetch_funding_rate("BTC-USDT")


def test_a_symbol_is_no_hint_at_itself(venue: FakeVenue, client: tw.Client) -> None:
    refused = httpx.Response(400, json={"code": -1121, "msg": "Invalid symbol."})
    venue.then("/api/v3/ticker/price", refused)
    with pytest.raises(tw.UnknownSymbol, match=r"Invalid symbol. BTC-USDT; fetch_instruments\(\) lists"):
        client.fetch_price("BTC-USDT")
    venue.then("/api/v3/ticker/24hr", refused)
    with pytest.raises(tw.UnknownSymbol, match=r"Invalid symbol.; fetch_instruments\(\) lists"):
        client.fetch_tickers(["BTC-USDT"])


def test_instruments_are_kept_until_refreshed(venue: FakeVenue, client: tw.Client) -> None:
    for _ in range(3):
        client.fetch_instruments("spot")
        client.instrument("BTC-USDT")
    assert venue.count("/api/v3/exchangeInfo") == 1
    client.fetch_instruments("spot", refresh=True)
    client.instrument("BTC-USDT")
    assert venue.count("/api/v3/exchangeInfo") == 2


def test_instruments_are_fetched_once_for_many_threads(venue: FakeVenue, client: tw.Client) -> None:
    release = threading.Event()

    def slow(request: httpx.Request) -> httpx.Response:
        release.wait(10)
        return httpx.Response(200, json=INFO)

    venue.then("/api/v3/exchangeInfo", slow)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(client.instrument, "BTC-USDT") for _ in range(8)]
        release.set()
        assert {future.result().native for future in futures} == {"BTCUSDT"}
    assert venue.count("/api/v3/exchangeInfo") == 1


async def test_instruments_are_fetched_once_for_many_tasks(venue: FakeVenue) -> None:
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(venue)) as http,
        tw.AsyncClient("binance", base_url=address(), http=http) as client,
    ):
        found = await asyncio.gather(*(client.instrument("BTC-USDT") for _ in range(8)))
    assert {item.native for item in found} == {"BTCUSDT"}
    assert venue.count("/api/v3/exchangeInfo") == 1


async def test_a_cancelled_fetch_does_not_hang_its_waiters(venue: FakeVenue) -> None:
    started, gate = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        if not started.is_set():
            started.set()
            await gate.wait()
        return venue(request)

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(slow)) as http,
        tw.AsyncClient("binance", base_url=address(), http=http) as client,
    ):
        first = asyncio.create_task(client.instrument("BTC-USDT"))
        await started.wait()
        second = asyncio.create_task(client.instrument("BTC-USDT"))
        await asyncio.sleep(0)
        first.cancel()
        assert (await asyncio.wait_for(second, 5)).native == "BTCUSDT"
    assert first.cancelled()


def test_the_wrong_kind_of_http_client_is_refused() -> None:
    with httpx.Client() as http, pytest.raises(tw.ConfigError, match="AsyncClient takes"):
        tw.AsyncClient("binance", http=http)
    with pytest.raises(tw.ConfigError, match="Client takes"):
        tw.Client("binance", http=httpx.AsyncClient())


def test_the_users_own_http_client_stays_open(venue: FakeVenue) -> None:
    http = httpx.Client(transport=httpx.MockTransport(venue))
    with tw.Client("binance", base_url=address(), http=http) as client:
        client.ping()
    assert not http.is_closed
    http.close()


def test_both_clients_have_equal_signatures() -> None:
    def public(kind: type) -> dict[str, str]:
        return {
            name: str(inspect.signature(member)).replace("Awaitable", "")
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith(("_", "watch_", "order_entry")) or name == "__init__"
        }

    assert public(tw.Client) == public(tw.AsyncClient)


def test_capabilities_are_the_verbs_that_work() -> None:
    with tw.Client("binance") as client:
        for verb in client.capabilities:
            assert hasattr(tw.Client, verb), verb
        assert {"fetch_klines", "create_order", "fetch_klines_many", "resolve_order"} <= client.capabilities
        assert not {verb for verb in client.capabilities if verb.startswith("watch_")}


def test_nothing_secret_shows(venue: FakeVenue, client: tw.Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    venue.then("/api/v3/account", httpx.ReadTimeout("slow"), httpx.Response(400, json={"code": -2015, "msg": "no"}))
    with pytest.raises(tw.AuthenticationError) as caught:
        client.fetch_balances()
    venue.then("/api/v3/order", httpx.ReadTimeout("slow"))
    with pytest.raises(tw.OutcomeUnknown) as unknown:
        buy(client)
    sent = [str(request.url) + request.content.decode() for request in venue.asked]
    signatures = [dict(parse_qsl(urlsplit(text).query))["signature"] for text in sent if "account?" in text]
    assert signatures
    shown = caplog.text + repr(client) + repr(caught.value) + repr(unknown.value) + json.dumps(client.health().limits)
    shown += "".join(str(item) for item in inspect.getinnerframes(caught.tb))
    import traceback

    shown += "".join(traceback.format_exception(caught.value)) + "".join(traceback.format_exception(unknown.value))
    for secret in (KEY, SECRET, *signatures):
        assert secret not in shown


def test_an_answer_may_need_further_calls(venue: FakeVenue, client: tw.Client) -> None:
    """``Call.then`` sees the answer and its value, and its call's parser returns the whole."""
    prices = [httpx.Response(200, json={"symbol": "BTCUSDT", "price": str(n)}, headers={"Next": str(n)}) for n in "123"]
    venue.then("/api/v3/ticker/price", httpx.ReadTimeout("slow"), *prices)
    one = tw.venue("binance", base_url=client._session.venue.rest_hosts["spot"]).fetch_price("BTC-USDT")

    def page(newer: list[str]) -> Call[list[str]]:
        def then(response: Response, value: list[str]) -> Call[list[str]] | None:
            return None if response.headers["next"] == "3" else page(value)

        return Call(
            "fetch_price", one.request, lambda body: [str(one.parser(body)), *newer], one.check, one.costs, then=then
        )

    assert client._run(client._session.run(page([]))) == ["3", "2", "1"]
    assert venue.count("/api/v3/ticker/price") == 4  # each page is repeated on its own
