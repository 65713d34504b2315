"""Who may come in, how the connection breaks and comes back, and what flow control answers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tidewire import ctp
from tidewire.ctp import sim
from tidewire.errors import Timeout

from .sim_clients import SECRET, USER, Client, Told, still_front


@pytest.fixture
def front() -> Any:
    with still_front() as made:
        yield made


@pytest.fixture
def trader(front: sim.Front) -> Any:
    with Client(front) as client:
        yield client


def errors(client: Client, callback: str) -> list[int]:
    return [arguments[1].ErrorID for arguments in client.told.all(callback)]


def test_the_version_is_marked() -> None:
    assert ctp.load("sim").build.startswith("v6.7.11_SIM")
    assert ctp.load("sim").version == "6.7.11"


def test_nobody_is_at_another_address() -> None:
    api = ctp.load("sim").TraderApi()
    api.RegisterFront("tcp://127.0.0.1:9")
    with api, pytest.raises(Timeout):
        api.Init(timeout=0.3)


def test_the_default_front_needs_no_script() -> None:
    api = ctp.load("sim").TraderApi()
    api.RegisterFront(sim.DEFAULT_TRADER)
    with api:
        api.Init(timeout=20)


def test_authentication_comes_before_login(trader: Client) -> None:
    login = {"BrokerID": sim.BROKER, "UserID": USER, "Password": SECRET}
    assert trader.api.GetTradingDay() == "19800100"
    trader.ask("ReqUserLogin", **login)
    trader.ask("ReqAuthenticate", BrokerID=sim.BROKER, UserID=USER, AppID="app", AuthCode="wrong")
    trader.ask("ReqAuthenticate", BrokerID=sim.BROKER, UserID=USER, AppID="other", AuthCode="code")
    trader.ask("ReqAuthenticate", BrokerID=sim.BROKER, UserID=USER, AppID="app", AuthCode="code")
    trader.ask("ReqUserLogin", **login)
    trader.ask("ReqUserLogin", **login)
    assert errors(trader, "OnRspAuthenticate") == [63, 63, 0]
    assert errors(trader, "OnRspUserLogin") == [64, 0, 5]
    assert trader.told.all("OnRspUserLogin")[0][1].ErrorMsg == "CTP:客户端未认证"
    assert trader.api.GetTradingDay() == "20260701"


def test_six_wrong_passwords_lock_the_user(trader: Client) -> None:
    trader.ask("ReqAuthenticate", BrokerID=sim.BROKER, UserID=USER, AppID="app", AuthCode="code")
    for password in ["x"] * 6 + [SECRET]:
        trader.ask("ReqUserLogin", BrokerID=sim.BROKER, UserID=USER, Password=password)
    assert errors(trader, "OnRspUserLogin") == [3] * 6 + [75]


def test_the_wrong_broker_or_user_is_no_login(trader: Client) -> None:
    trader.ask("ReqAuthenticate", BrokerID=sim.BROKER, UserID=USER, AppID="app", AuthCode="code")
    trader.ask("ReqUserLogin", BrokerID="1", UserID=USER, Password=SECRET)
    trader.ask("ReqUserLogin", BrokerID=sim.BROKER, UserID="nobody", Password=SECRET)
    assert errors(trader, "OnRspUserLogin") == [3, 3]


def test_a_handshake_that_fails(front: sim.Front, trader: Client) -> None:
    front.fail_next("handshake", 4040)
    front.disconnect()
    front.advance(1.5)
    front.drain()
    assert trader.told.names() == ["OnFrontConnected", "OnFrontDisconnected", "OnRspError"]
    assert trader.told.all("OnRspError")[0][0].ErrorID == 4040


def test_logging_out_and_a_new_password(trader: Client) -> None:
    first = trader.log_in()
    trader.ask("ReqUserPasswordUpdate", BrokerID=sim.BROKER, UserID=USER, OldPassword="x", NewPassword="y")
    trader.ask("ReqUserPasswordUpdate", BrokerID=sim.BROKER, UserID=USER, OldPassword=SECRET, NewPassword="new")
    assert errors(trader, "OnRspUserPasswordUpdate") == [14, 0]
    trader.ask("ReqUserLogout", BrokerID=sim.BROKER, UserID=USER)
    second = trader.log_in(password="new")
    assert (first.FrontID, second.FrontID) == (1, 1)
    assert first.SessionID != second.SessionID


@pytest.mark.parametrize("reason", [0x1001, 0x1002, 0x2001, 0x2002, 0x2003])
def test_every_reason_of_disconnection(front: sim.Front, trader: Client, reason: int) -> None:
    trader.log_in()
    front.disconnect(reason)
    assert trader.send("ReqQryOrder", BrokerID=sim.BROKER) == -1
    front.advance(0.9)
    assert front.connections == 0
    front.advance(0.2)
    front.drain()
    assert trader.told.all("OnFrontDisconnected") == [(reason,)]
    assert trader.told.names()[-1] == "OnFrontConnected"
    trader.ask("ReqQryOrder", BrokerID=sim.BROKER)
    row, info, *_ = trader.told.all("OnRspQryOrder")[-1]
    assert (row, info.ErrorID) == (None, 6)


def test_silence_is_warned_of_and_then_ends_the_connection(front: sim.Front, trader: Client) -> None:
    trader.log_in()
    told = len(trader.told.events)
    front.silence(100)
    trader.send("ReqQryOrder", BrokerID=sim.BROKER)
    front.advance(60)
    front.drain()
    assert len(trader.told.events) == told
    front.advance(30)
    front.drain()
    assert trader.told.events[told:] == [("OnHeartBeatWarning", (61,))]
    front.advance(10)
    front.drain()
    assert trader.told.names()[-1] == "OnRspQryOrder"
    front.silence(500)
    front.advance(123)
    front.drain()
    assert trader.told.names()[-3:] == ["OnHeartBeatWarning", "OnFrontDisconnected", "OnFrontConnected"]
    assert trader.told.all("OnFrontDisconnected") == [(0x2001,)]


def test_one_query_at_a_time_and_so_many_a_second(trader: Client) -> None:
    with still_front(query_rate=2) as front, Client(front) as client:
        client.log_in()
        front.silence(5)  # so that an answer stays on its way
        assert [client.send("ReqQryTradingAccount") for _ in range(2)] == [0, -2]
        front.advance(6)
        front.drain()
        assert [client.ask("ReqQryTradingAccount") for _ in range(3)] == [0, 0, -3]
        front.advance(1)
        assert client.ask("ReqQryTradingAccount") == 0
        info = client.lib.FrontInfo()
        client.api.GetFrontInfo(info)
        assert (info.FrontAddr, info.QryFreq) == (front.address, 2)


def test_scripted_return_codes_and_a_query_that_is_not_ready(front: sim.Front, trader: Client) -> None:
    trader.log_in()
    front.fail_next("return", -2)
    front.fail_next("return", -3, times=2)
    assert [trader.ask("ReqQryTradingAccount") for _ in range(4)] == [-2, -3, -3, 0]
    front.fail_next("query", 90)
    assert trader.ask("ReqQryTradingAccount") == 0
    info, _request, last = trader.told.all("OnRspError")[0]
    assert (info.ErrorID, info.ErrorMsg, last) == (90, "CTP:查询未就绪，请稍后重试", True)


def test_what_is_not_simulated_is_refused_through_its_own_callback(trader: Client) -> None:
    trader.log_in()
    assert trader.ask("ReqQryParkedOrder", BrokerID=sim.BROKER) == 0
    row, info, _request, last = trader.told.all("OnRspQryParkedOrder")[0]
    assert (row, info.ErrorID, info.ErrorMsg, last) == (None, 27, "CTP:不支持的功能", True)


def test_every_request_of_the_api_answers_or_is_refused(front: sim.Front, trader: Client) -> None:
    """All slots are filled: 118 requests, each called once with an empty struct, and the front still works."""
    trader.log_in()
    methods = trader.lib.schema.classes["TraderApi"]
    requests = [m for m in methods if m.name.startswith("Req") and len(m.parameters) == 2 and m.parameters[1] == "int"]
    assert len(requests) == 118
    for method in requests:
        if method.name == "ReqUserLogout":
            continue
        front.advance(1)
        told = len(trader.told.events)
        struct = getattr(trader.lib, method.parameters[0].removesuffix("*"))
        assert getattr(trader.api, method.name)(struct(), 1) == 0, method.name
        front.drain()
        assert len(trader.told.events) > told, method.name
    trader.ask("ReqQryTradingAccount")
    assert trader.told.names()[-1] == "OnRspQryTradingAccount"


def flows(folder: Path, mode: str) -> tuple[list[str], list[str]]:
    """The order refs that a first login hears live, and those that a second login hears again."""
    with still_front() as front:
        with Client(front, flow=folder, mode=mode) as client:
            client.log_in()
            for _ in range(3):
                client.order("rb2610", "buy", 1, 3200.0)
            first = [order.OrderRef for (order,) in client.told.all("OnRtnOrder")]
        with Client(front) as other:
            other._ref = 3
            other.log_in()
            other.order("rb2610", "buy", 1, 3200.0)
        with Client(front, flow=folder, mode=mode) as client:
            client.log_in()
            second = [order.OrderRef for (order,) in client.told.all("OnRtnOrder")]
    return first, second


@pytest.mark.parametrize(("mode", "again"), [("RESTART", ["1", "2", "3", "4"]), ("RESUME", ["4"]), ("QUICK", [])])
def test_the_private_flow_by_resume_mode(tmp_path: Path, mode: str, again: list[str]) -> None:
    first, second = flows(tmp_path, mode)
    assert list(dict.fromkeys(first)) == ["1", "2", "3"]
    assert list(dict.fromkeys(second)) == again
    assert {file.name for file in tmp_path.glob("*.con")} == {
        "DialogRsp.con", "QueryRsp.con", "TradingDay.con", "Private.con", "Public.con",
    }  # fmt: skip
    assert all(file.stat().st_size == 6 for file in tmp_path.glob("*.con"))


def test_the_settlement_is_text_that_is_cut_between_rows(front: sim.Front, trader: Client) -> None:
    trader.log_in()
    trader.ask("ReqQrySettlementInfo", BrokerID=sim.BROKER, InvestorID=USER)
    rows = [row for row, *_ in trader.told.all("OnRspQrySettlementInfo")]
    assert len(rows) > 3
    text = b"".join(bytes(row.raw("Content")).split(b"\0")[0] for row in rows).decode("gb18030")
    assert text.startswith("模拟结算单")
    assert "螺纹钢2610" in text


def test_a_long_list_comes_row_by_row() -> None:
    with still_front(instruments="none") as front, Client(front) as client:
        for number in range(5000):
            front.add_instrument(f"x{number:04}", "DCE", product="x", tick=1.0, multiplier=10, price=1000.0)
        client.log_in()
        client.ask("ReqQryInstrument")
        rows = client.told.all("OnRspQryInstrument")
        assert [row.InstrumentID for row, *_ in rows] == [f"x{number:04}" for number in range(5000)]
        assert [last for *_, last in rows] == [False] * 4999 + [True]
        client.ask("ReqQryInstrument", InstrumentID="x0007")
        assert [row.InstrumentID for row, *_ in client.told.all("OnRspQryInstrument")[5000:]] == ["x0007"]


def test_rates_and_maximum_volume_as_they_are_charged(trader: Client) -> None:
    trader.log_in()
    trader.front.quote("rb2610", bid=3200, ask=3201)
    named = {"BrokerID": sim.BROKER, "InvestorID": USER, "InstrumentID": "rb2610"}
    trader.ask("ReqQryInstrumentMarginRate", HedgeFlag="1", **named)
    trader.ask("ReqQryInstrumentCommissionRate", **named)
    trader.ask("ReqQryMaxOrderVolume", Direction="0", OffsetFlag="0", HedgeFlag="1", **named)
    margin = trader.told.all("OnRspQryInstrumentMarginRate")[0][0]
    fees = trader.told.all("OnRspQryInstrumentCommissionRate")[0][0]
    assert (margin.LongMarginRatioByMoney, fees.OpenRatioByMoney) == (0.07, 0.0001)
    most = trader.told.all("OnRspQryMaxOrderVolume")[0][0].MaxVolume
    assert most == int(1_000_000 / (3200 * 10 * (0.07 + 0.0001)))


def test_products_tell_their_phase_when_hours_are_kept() -> None:
    told, api = Told("Trader"), ctp.load("sim").TraderApi()
    lib, words = api.library, {"BrokerID": sim.BROKER, "UserID": USER}
    with still_front(hours="sessions", start=datetime.fromisoformat("2026-07-01T10:14")) as front, api:
        api.RegisterSpi(told)
        api.RegisterFront(front.address)
        api.Init(timeout=20)
        api.ReqAuthenticate(lib.ReqAuthenticate(AppID="app", AuthCode="code", **words), 1)
        api.ReqUserLogin(lib.ReqUserLogin(Password=SECRET, **words), 2)

        def phases() -> tuple[str, str]:
            front.drain()
            last = {row.InstrumentID: row.InstrumentStatus for (row,) in told.all("OnRtnInstrumentStatus")}
            return last["rb"], last["IF"]

        assert phases() == ("2", "2")
        front.advance(120)
        assert phases() == ("1", "2")  # the break of 10:15 is not CFFEX's


def test_a_front_cannot_be_opened_twice_or_used_when_closed() -> None:
    with sim.Front() as front:
        with pytest.raises(ValueError, match="already listens"):
            sim.Front(address=front.address)
        with pytest.raises(KeyError, match="no such"):
            front.orders("nobody")
        with pytest.raises(KeyError, match="no such"):
            front.flood("nothing", 1)
        front.add_user("1", "somebody", "x")
        with pytest.raises(ValueError, match="exists already"):
            front.add_user("1", "somebody", "x")
    with pytest.raises(ValueError, match="closed"):
        front.advance(1)
