"""A front without a library: records what is asked, and says what a test wants, at a time that the test sets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tidewire.ctp.session import Event, Session

OK = None


def failure(error_id: int, message: str) -> SimpleNamespace:
    """A RspInfo."""
    return SimpleNamespace(ErrorID=error_id, ErrorMsg=message)


class Front:
    """The link of a session, and the hand that moves its clock. Nothing happens unless a test says so."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any], int]] = []
        self.subscribed: list[list[str]] = []
        self.unsubscribed: list[list[str]] = []
        self.codes: dict[str, list[int]] = {}
        self.rate: float | None = 10.0
        self.closed = 0
        self.now = 1000.0
        self.session: Any = None
        self.number = 100

    def attach(self, session: Session) -> Any:
        self.session = session
        session.clock = lambda: self.now
        return session

    # What a session asks of a link.

    def start(self, deliver, wants) -> None: ...

    def request(self, method: str, fields: dict[str, Any], request_id: int) -> int:
        codes = self.codes.get(method)
        code = codes.pop(0) if codes else 0
        if code == 0:
            self.requests.append((method, fields, request_id))
        return code

    def subscribe(self, symbols: list[str]) -> int:
        codes = self.codes.get("subscribe")
        code = codes.pop(0) if codes else 0
        if code == 0:
            self.subscribed.append(symbols)
        return code

    def unsubscribe(self, symbols: list[str]) -> int:
        self.unsubscribed.append(symbols)
        return 0

    def queries_per_second(self) -> float | None:
        return self.rate

    def close(self) -> None:
        self.closed += 1

    # What a test does.

    def say(self, name: str, *arguments: Any) -> None:
        """Deliver a callback, and let the session act."""
        self.session.handle(Event(name, arguments))
        self.session.pump(self.now)

    def wait(self, seconds: float = 0.0) -> None:
        """Let time pass, stopping wherever the session wants to act."""
        end = self.now + seconds
        while True:
            due = self.session.pump(self.now)
            if due is None or due > end:
                break
            self.now = max(self.now, due)
        self.now = end

    def last(self, method: str) -> tuple[dict[str, Any], int]:
        """Fields and id of the newest request of a method."""
        for name, fields, request_id in reversed(self.requests):
            if name == method:
                return fields, request_id
        raise AssertionError(f"{method} was not asked: {[name for name, _, _ in self.requests]}")

    def count(self, method: str) -> int:
        return sum(name == method for name, _, _ in self.requests)

    def answer(self, method: str, *rows: Any, error: Any = None) -> None:
        """Answer the newest request of a method with rows, the last of them marked so."""
        _, request_id = self.last(method)
        name = f"OnRsp{method.removeprefix('Req')}"
        for row in rows[:-1]:
            self.say(name, row, None, request_id, False)
        self.say(name, rows[-1] if rows else None, error, request_id, True)

    def log_in(self, **fields: Any) -> None:
        """Connect and grant every step."""
        self.number += 1
        row = SimpleNamespace(
            **{
                "TradingDay": "20261124",
                "FrontID": 1,
                "SessionID": self.number,
                "MaxOrderRef": "",
                **fields,
            }
        )
        self.say("OnFrontConnected")
        if str(self.session.login.state) == "authenticating":
            self.answer("ReqAuthenticate", SimpleNamespace())
        self.answer("ReqUserLogin", row)
        if str(self.session.login.state) == "confirming":
            self.answer("ReqSettlementInfoConfirm", SimpleNamespace())

    def sync(self, orders: tuple = (), trades: tuple = (), positions: tuple = ()) -> None:
        """Answer the queries that follow a login."""
        self.wait(1)
        self.answer("ReqQryOrder", *orders)
        self.wait(1)
        self.answer("ReqQryTrade", *trades)
        self.wait(1)
        self.answer("ReqQryInvestorPosition", *positions)
