"""Every version of CTP has the fields that the layer writes and reads, or the layer does without."""

from __future__ import annotations

from queue import SimpleQueue
from types import SimpleNamespace

import pytest

from tidewire import ctp
from tidewire.ctp import schema
from tidewire.ctp.account import read_account
from tidewire.ctp.catalogue import read_instrument
from tidewire.ctp.identity import SessionKey
from tidewire.ctp.ledger import Ledger
from tidewire.ctp.link import LibraryLink
from tidewire.ctp.order_entry import NewOrder
from tidewire.ctp.positions import PositionBook, merge_positions
from tidewire.ctp.structs import structs
from tidewire.ctp.ticks import TickMaker

from .layer_front import Front
from .test_layer_trader import RB, cancel, create, sent_row, session_on

# What came with a version; before it the layer leaves the field out.
LATER = {"OrderMemo"}


@pytest.fixture(params=sorted(schema.versions()))
def lib(request):
    return structs(request.param)


class Api:
    """Takes the records of requests, and nothing else."""

    def __init__(self, lib, sent: dict[str, object]) -> None:
        self.library = lib
        self._sent = sent

    def __getattr__(self, method):
        def call(record, request_id):
            self._sent[method] = record
            return 0

        return call


class Wire(LibraryLink):
    """A link over a version's schema alone."""

    def __init__(self, lib) -> None:
        super().__init__("trader", ["tcp://127.0.0.1:1"], library=None, folder=None)
        self.sent: dict[str, object] = {}
        self.left_out: set[str] = set()
        self._api = Api(lib, self.sent)  # type: ignore[assignment]

    def request(self, method, fields, request_id):
        code = super().request(method, fields, request_id)
        self.left_out |= {name for name in fields if name not in self._requests[method][2]}
        return code


def test_what_is_sent_fits(lib, tmp_path):
    front = Front()
    session = session_on(front, tmp_path)
    front.log_in()
    front.sync()
    front.session.catalogue.add([RB])
    create(front, client_order_id="mine", stop_price=3100, trigger="last>=")
    front.say("OnRtnOrder", sent_row(front, OrderStatus="3", OrderSysID="       5001"))
    cancel(front, client_order_id="mine")
    session.ask("ReqQryInstrument", InstrumentID="rb2610")
    session.ask("ReqQryTradingAccount")
    front.wait(1)
    wire = Wire(lib)
    for method, fields, request_id in front.requests:
        assert wire.request(method, fields, request_id) == 0
    # Queries name the investor always, and each takes what it knows.
    assert wire.left_out - LATER <= {"BrokerID", "InvestorID"}
    assert wire.sent["ReqOrderInsert"].OrderRef == "           1"
    assert wire.sent["ReqOrderInsert"].InstrumentID == "rb2610"
    assert wire.sent["ReqUserLogin"].raw("Password")
    session.close()


def test_what_is_read_is_there(lib):
    order = lib.Order(OrderSysID="1", ExchangeID="SHFE", InstrumentID="rb2610", VolumeTotalOriginal=1, OrderStatus="3")
    trade = lib.Trade(OrderSysID="1", ExchangeID="SHFE", InstrumentID="rb2610", TradeID="1", Volume=1, Price=3.0)
    ledger, book = Ledger(), PositionBook()
    ledger.on_order(order)
    fill, _ = ledger.on_trade(trade)
    book.on_fill(fill)
    assert ledger.orders[0].filled == 1
    row = lib.InvestorPosition(PosiDirection="2", PositionDate="1", HedgeFlag="1", Position=1, TodayPosition=1)
    assert merge_positions([row], lambda symbol: None)[0].quantity == 1
    book.restate([row], quiet=True)
    assert read_instrument(lib.Instrument(InstrumentID="rb2610", PriceTick=1.0)).symbol == "rb2610"
    assert read_account(lib.TradingAccount(Balance=1.5)).currency == "CNY"
    tick = TickMaker().make(lib.DepthMarketData(InstrumentID="rb2610", BidPrice1=1.0, BidVolume1=2), 0)
    assert tick.bids == ((1.0, 2),)
    sent = ledger.sent(SessionKey(1, 1, "1"), SimpleNamespace(**_fields()), "mine")
    assert sent.order.client_order_id == "mine"


def _fields():
    new = NewOrder.of(
        "rb2610",
        side="buy",
        quantity=1,
        type="limit",
        price=3000,
        offset="open",
        hedge="speculation",
        time_in_force=None,
        stop_price=None,
        trigger=None,
        client_order_id=None,
        prefer="yesterday",
    )
    return new.fields("SHFE", new.offset, 1)


@pytest.mark.parametrize("version", sorted(schema.versions()))
def test_an_order_through_the_binding(fake_vendor, version, tmp_path):
    vendor = fake_vendor(version)
    lib, asked = vendor.lib, SimpleQueue()
    for name in ("answer", "peek", "fails", "linger_ms"):  # whatever other tests left
        vendor.number(name, 0)
    words = {"library": vendor.file, "flow_folder": tmp_path / "flow", "timeout": 10.0}
    account = ctp.Trader("tcp://127.0.0.1:1", "9999", "u1", "open-sesame-77", "app", "code", **words)
    link = account._opened.session.link
    request = link.request

    def seen(method, fields, request_id):
        code = request(method, fields, request_id)
        asked.put((method, request_id))
        return code

    def answer(method, name, row):
        told, request_id = asked.get(timeout=10)
        assert told == method
        vendor.fire("TraderSpi", name, row, None, request_id, True)

    link.request = seen
    account._opened._start()
    ready = account._opened.session.ready(10)
    vendor.fire("TraderSpi", "OnFrontConnected")
    answer("ReqAuthenticate", "OnRspAuthenticate", lib.RspAuthenticate())
    row = lib.RspUserLogin(TradingDay="20261124", FrontID=1, SessionID=7, MaxOrderRef="41")
    answer("ReqUserLogin", "OnRspUserLogin", row)
    answer("ReqSettlementInfoConfirm", "OnRspSettlementInfoConfirm", lib.SettlementInfoConfirm())
    ready.result(10)
    assert asked.get(timeout=10)[0] == "ReqQryOrder"
    account._opened.session.catalogue.add([RB])
    with account.watch_fills() as fills:
        answer_to_order = account._verbs.create_order(
            "rb2610", side="buy", quantity=2, price=3000, offset="open", client_order_id="mine"
        )
        assert asked.get(timeout=10)[0] == "ReqOrderInsert"
        names = {"FrontID": 1, "SessionID": 7, "OrderRef": "          42", "ExchangeID": "SHFE", "OrderSysID": "  5001"}
        terms = {"InstrumentID": "rb2610", "CombOffsetFlag": "0", "CombHedgeFlag": "1", "VolumeTotalOriginal": 2}
        order = {**names, **terms, "Direction": "0", "OrderPriceType": "2", "LimitPrice": 3000.0}
        vendor.fire("TraderSpi", "OnRtnOrder", lib.Order(**order, OrderStatus="3", StatusMsg="未成交"))
        accepted = answer_to_order.result(10)
        assert (accepted.status, accepted.reason, accepted.order_id) == ("open", "未成交", "SHFE:  5001")
        trade = {"ExchangeID": "SHFE", "OrderSysID": "  5001", "TradeID": "9", "InstrumentID": "rb2610"}
        vendor.fire("TraderSpi", "OnRtnTrade", lib.Trade(**trade, Direction="0", Price=2999.0, Volume=2))
        fill = fills.next(10)
        assert (fill.price, fill.quantity, fill.client_order_id) == (2999, 2, "mine")
    account.close()
