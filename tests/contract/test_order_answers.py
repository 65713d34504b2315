"""What each answer to a new order means, venue by venue: surely done, surely refused, or neither; never sent twice.

The orders are real ones in the sandbox: the tests let each write through or hold it back, and put their own answer in
its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

import tidewire as tw
from tidewire.sandbox import Sandbox, dialects

Answer = httpx.Response | Exception
SANDBOX = {"pace": None}  # nobody else trades
HTML = "<html><body>502 Bad Gateway</body></html>"


def says(status: int, body: Any) -> Callable[[], Answer]:
    text = body if isinstance(body, str) else json.dumps(body)
    return lambda: httpx.Response(status, text=text)


def code(status: int, number: int | str, text: str = "") -> Callable[[], Answer]:
    return says(status, {"code": number, "msg": text})


# An order whose answer is one of these may exist or not.
ANYWHERE: dict[str, Callable[[], Answer]] = {
    "no answer in time": lambda: httpx.ReadTimeout("slow"),
    "timed out while sending": lambda: httpx.WriteTimeout("slow"),
    "reset": lambda: httpx.ReadError("reset"),
    "closed": lambda: httpx.RemoteProtocolError("closed without an answer"),
    "broken pipe": lambda: httpx.WriteError("broken pipe"),
    "408": says(408, HTML),
    "500": says(500, "oops"),
    "502": says(502, HTML),
    "503": says(503, HTML),
    "504": says(504, ""),
    "a page on 200": says(200, HTML),
    "half an answer": says(200, '{"order'),
    "nothing": says(200, ""),
}
UNKNOWN: dict[str, dict[str, Callable[[], Answer]]] = {
    "binance": {
        "-1006": code(400, -1006, "An unexpected response was received from the message bus."),
        "-1007": code(503, -1007, "Timeout waiting for response from backend server."),
    },
    "okx": {
        "50004": code(200, "50004", "API endpoint request timeout (does not indicate success or failure of order)"),
        "50004 on 400": code(400, "50004", "API endpoint request timeout"),
        "50001": code(503, "50001", "Service temporarily unavailable. Try again later"),
        "50026": code(500, "50026", "System error. Try again later"),
    },
    "htx": {
        "gateway": says(200, {"status": "error", "err-code": "gateway-internal-error", "err-msg": "", "data": None}),
        "update": says(200, {"status": "error", "err-code": "order-update-error", "err-msg": "", "data": None}),
        "timeout": says(200, {"status": "error", "err-code": "timeout", "err-msg": "", "data": None}),
    },
    "coinbase": {"500 in words": says(500, {"message": "Internal server error"})},
    "coinbase_advanced": {"500 in words": says(500, {"error": "INTERNAL", "message": "internal error"})},
}
# An order whose answer is one of these does not exist.
UNSENT: dict[str, tuple[Callable[[], Answer], type[tw.Error]]] = {
    "refused": (lambda: httpx.ConnectError("refused"), tw.ConnectionFailed),
    "no connection in time": (lambda: httpx.ConnectTimeout("slow"), tw.Timeout),
}
REFUSED: dict[str, dict[str, tuple[Callable[[], Answer], type[tw.Error]]]] = {
    "binance": {
        "busy": (code(503, -1008, "Server is currently overloaded with other requests."), tw.VenueUnavailable),
        "funds": (code(400, -2010, "Account has insufficient balance for requested action."), tw.InsufficientFunds),
        "twice": (code(400, -2010, "Duplicate order sent."), tw.DuplicateOrder),
        "lot": (code(400, -1013, "Filter failure: LOT_SIZE"), tw.FilterViolation),
        "key": (code(401, -2015, "Invalid API-key, IP, or permissions for action."), tw.AuthenticationError),
    },
    "okx": {
        "funds": (
            says(200, {"code": "1", "data": [{"sCode": "51008", "sMsg": "Insufficient balance"}], "msg": ""}),
            tw.InsufficientFunds,
        ),
        "twice": (says(200, {"code": "1", "data": [{"sCode": "51016"}], "msg": ""}), tw.DuplicateOrder),
        "lot": (says(200, {"code": "1", "data": [{"sCode": "51121"}], "msg": ""}), tw.FilterViolation),
        "key": (code(401, "50113", "Invalid Sign"), tw.AuthenticationError),
    },
    "htx": {
        "funds": (
            says(
                200, {"status": "error", "err-code": "account-frozen-balance-insufficient-error", "err-msg": "余额不足"}
            ),
            tw.InsufficientFunds,
        ),
        "lot": (
            says(200, {"status": "error", "err-code": "order-orderamount-precision-error", "err-msg": ""}),
            tw.FilterViolation,
        ),
        "key": (
            says(200, {"status": "error", "err-code": "api-signature-not-valid", "err-msg": ""}),
            tw.AuthenticationError,
        ),
    },
    "coinbase": {
        "funds": (says(400, {"message": "Insufficient funds"}), tw.InsufficientFunds),
        "lot": (says(400, {"message": "size is too accurate. Smallest unit is 0.00000001"}), tw.FilterViolation),
        "key": (says(401, {"message": "invalid signature"}), tw.AuthenticationError),
        "words of no table": (says(400, {"message": "the moon is full"}), tw.InvalidRequest),
    },
    "coinbase_advanced": {
        "funds": (
            says(200, {"success": False, "error_response": {"error": "INSUFFICIENT_FUND"}}),
            tw.InsufficientFunds,
        ),
        "lot": (
            says(200, {"success": False, "error_response": {"error": "INVALID_SIZE_PRECISION"}}),
            tw.FilterViolation,
        ),
        "key": (says(401, "Unauthorized"), tw.AuthenticationError),
        "reason of no table": (
            says(200, {"success": False, "error_response": {"error": "FULL_MOON"}}),
            tw.OrderRejected,
        ),
    },
}


class Wire(httpx.HTTPTransport):
    """Puts ``answer`` in place of the next write's; ``delivers`` says whether the venue gets the write all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: Answer | None = None
        self.delivers = False
        self.writes = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return super().handle_request(request)
        self.writes += 1
        answer, self.answer = self.answer, None
        if answer is None or self.delivers:
            told = super().handle_request(request)
            if answer is None:
                return told
            told.read()
            told.close()
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return answer


@pytest.fixture(scope="module")
def shared(sandbox: Sandbox, venue_name: str) -> Iterator[tuple[Wire, tw.Client]]:
    """One client for all: what it knows of the venue, it learns once."""
    wire, credentials = Wire(), sandbox.credentials(venue_name)
    with (
        httpx.Client(transport=wire) as http,
        tw.Client(venue_name, environment=sandbox, credentials=credentials, http=http, retries=3) as made,
    ):
        yield wire, made


@pytest.fixture
def wire(shared: tuple[Wire, tw.Client]) -> Wire:
    wire, _ = shared
    wire.answer, wire.delivers, wire.writes = None, False, 0
    return wire


@pytest.fixture
def client(shared: tuple[Wire, tw.Client]) -> tw.Client:
    return shared[1]


@pytest.fixture(scope="module")
def terms(shared: tuple[Wire, tw.Client], spot: str) -> dict[str, Any]:
    """An order that will rest in the book."""
    client = shared[1]
    rules = client.instrument(spot)
    price = rules.round_price(client.fetch_price(spot) * Decimal("0.95"))
    quantity = rules.round_quantity(Decimal(200) / price, "up")
    return {"side": "buy", "type": "limit", "price": price, "quantity": quantity}


def rows(*tables: dict[str, dict[str, Any]]) -> list[Any]:
    """One case for each venue that has a sandbox and each of its answers."""
    return [
        pytest.param(venue, answer, id=f"{venue}-{name}")
        for venue in dialects()
        for table in tables
        for name, answer in table.get(venue, {}).items()
    ]


EVERYWHERE = dict.fromkeys(dialects(), ANYWHERE)
NOWHERE = dict.fromkeys(dialects(), UNSENT)


def test_every_venue_is_in_the_tables() -> None:
    assert set(UNKNOWN) >= set(tw.venues())
    assert set(REFUSED) >= set(tw.venues())


@pytest.mark.parametrize("delivered", [True, False], ids=["delivered", "lost"])
@pytest.mark.parametrize(("venue_name", "answer"), rows(EVERYWHERE, UNKNOWN), scope="module")
def test_unknown(
    client: tw.Client,
    wire: Wire,
    spot: str,
    terms: dict[str, Any],
    venue_name: str,
    answer: Callable[[], Answer],
    delivered: bool,
) -> None:
    wire.answer, wire.delivers = answer(), delivered
    with pytest.raises(tw.OutcomeUnknown) as caught:
        client.create_order(spot, **terms)
    unknown = caught.value
    assert wire.writes == 1
    assert (unknown.verb, unknown.symbol, unknown.venue) == ("create_order", spot, venue_name)
    assert unknown.client_order_id is not None
    assert unknown.client_order_id in str(unknown)
    if delivered:
        found = client.resolve_order(unknown)
        assert (found.client_order_id, found.status) == (unknown.client_order_id, tw.OrderStatus.OPEN)
        assert [row.order_id for row in client.fetch_open_orders(spot)] == [found.order_id]
        assert wire.writes == 1
        client.cancel_order(spot, order_id=found.order_id)
    else:
        with pytest.raises(tw.OrderNotFound, match="does not exist"):
            client.resolve_order(unknown, timeout=0)
        assert client.fetch_open_orders(spot) == []
        assert wire.writes == 1


@pytest.mark.parametrize(("venue_name", "case"), rows(NOWHERE, REFUSED), scope="module")
def test_surely_refused(
    client: tw.Client,
    wire: Wire,
    spot: str,
    terms: dict[str, Any],
    venue_name: str,
    case: tuple[Callable[[], Answer], type[tw.Error]],
) -> None:
    wire.answer = case[0]()
    with pytest.raises(case[1]) as caught:
        client.create_order(spot, **terms)
    assert not isinstance(caught.value, tw.OutcomeUnknown)
    assert caught.value.venue == venue_name
    assert wire.writes == 1


def test_rules_are_checked_before_anything_is_sent(
    client: tw.Client, wire: Wire, spot: str, terms: dict[str, Any]
) -> None:
    rules = client.instrument(spot)
    off_tick, off_lot = terms["price"] + rules.tick_size / 2, terms["quantity"] + rules.lot_size / 2
    for change in ({"price": off_tick}, {"quantity": off_lot}):
        with pytest.raises(tw.FilterViolation, match="not a multiple"):
            client.create_order(spot, **terms | change)
    for direction in ("down", "up", "nearest"):
        assert abs(rules.round_price(off_tick, direction) - off_tick) == rules.tick_size / 2
        assert abs(rules.round_quantity(off_lot, direction) - off_lot) == rules.lot_size / 2
    assert rules.round_price(off_tick, "down") < off_tick < rules.round_price(off_tick, "up")
    assert rules.round_quantity(off_lot) < off_lot
    assert wire.writes == 0


def test_a_canceled_order_reports_its_fills(client: tw.Client, spot: str) -> None:
    """Most of an order that is larger than the best level, at its price, is left over and canceled."""
    book = client.fetch_book(spot, 1)
    best = book.asks[0]
    quantity = client.instrument(spot).round_quantity(best.quantity + Decimal("0.1"), "up")
    placed = client.create_order(spot, side="buy", type="limit", quantity=quantity, price=best.price)
    before = client.fetch_order(spot, order_id=placed.order_id)
    client.cancel_order(spot, order_id=placed.order_id)
    after = client.fetch_order(spot, order_id=placed.order_id)
    assert after.status is tw.OrderStatus.CANCELED
    assert after.filled is not None
    assert before.filled is not None
    assert 0 < before.filled <= after.filled < quantity
    assert after.average_price is not None
    assert abs(after.average_price - best.price) < Decimal("1e-4")  # venues cut the value that it is computed from
    fills = [fill for fill in client.fetch_fills(spot) if fill.order_id == placed.order_id]
    assert sum(fill.quantity for fill in fills) == after.filled


@pytest.mark.parametrize("by_own_id", [False, True], ids=["by id", "by client order id"])
def test_a_lost_cancel(client: tw.Client, wire: Wire, spot: str, terms: dict[str, Any], by_own_id: bool) -> None:
    order = client.create_order(spot, **terms)
    name = {"client_order_id": order.client_order_id} if by_own_id else {"order_id": order.order_id}
    wire.answer, wire.delivers = httpx.ReadTimeout("slow"), True
    with pytest.raises(tw.OutcomeUnknown) as caught:
        client.cancel_order(spot, **name)
    assert caught.value.verb == "cancel_order"
    if by_own_id and client.venue.spec.forgets_unfilled:  # here 'not found' may as well mean: not there yet
        with pytest.raises(tw.OrderNotFound, match="ended without a fill"):
            client.resolve_order(caught.value, timeout=0)
        return
    ended = client.resolve_order(caught.value)
    assert (ended.order_id, ended.status) == (order.order_id, tw.OrderStatus.CANCELED)
    assert ended.filled == 0


def test_a_lost_cancel_of_what_is_not_there(
    client: tw.Client, wire: Wire, spots: list[str], terms: dict[str, Any]
) -> None:
    """Asked for under another market's name, the order still works: nobody says that it was canceled."""
    order = client.create_order(spots[0], **terms)
    wire.answer = httpx.ReadTimeout("slow")
    with pytest.raises(tw.OutcomeUnknown) as caught:
        client.cancel_order(spots[1], order_id=order.order_id)
    with pytest.raises(tw.OrderNotFound):
        client.resolve_order(caught.value, timeout=0)
    assert [row.order_id for row in client.fetch_open_orders(spots[0])] == [order.order_id]
    client.cancel_order(spots[0], order_id=order.order_id)


def test_a_lost_cancel_of_all(client: tw.Client, wire: Wire, spot: str, terms: dict[str, Any]) -> None:
    client.create_order(spot, **terms)
    wire.answer, wire.delivers = httpx.ReadTimeout("slow"), True
    with pytest.raises(tw.OutcomeUnknown, match="fetch_open_orders tells") as caught:
        client.cancel_all_orders(spot)
    with pytest.raises(tw.ConfigError, match="one order"):
        client.resolve_order(caught.value)
    assert client.fetch_open_orders(spot) == []
