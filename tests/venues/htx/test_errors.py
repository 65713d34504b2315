"""HTX's three envelopes and its table of codes; texts come through as sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

import tidewire as tw
from tidewire.venues.htx.errors import CODES


def spot(code: str, text: str = "why") -> dict[str, Any]:
    return {"status": "error", "err-code": code, "err-msg": text, "data": None}


def swap(code: int, text: str = "why") -> dict[str, Any]:
    return {"status": "error", "err_code": code, "err_msg": text, "ts": 1}


def v5(code: int | str, text: str = "why") -> dict[str, Any]:
    return {"code": code, "message": text, "data": None, "ts": 1}


def refused(body: object, status: int = 200, **headers: str) -> tw.VenueError:
    text = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    with pytest.raises(tw.VenueError) as caught:
        tw.venue("htx").server_time().parse(text, status=status, headers=headers)
    return caught.value


@pytest.mark.parametrize("code", [*CODES])
def test_every_code_in_every_envelope(code: str) -> None:
    if code.isdigit():
        errors = [refused(swap(int(code))), refused(v5(int(code))), refused(v5(code))]
    else:
        errors = [refused(spot(code))]
    for error in errors:
        assert type(error) is CODES[code]
        assert (error.code, error.message, error.http_status, error.venue) == (code, "why", 200, "htx")


SIGNATURE = "api-signature-not-valid"
LATE = "Signature not valid: Invalid submission time or incorrect time format [无效的提交时间，或时间格式错误]"
TEXTS: list[tuple[dict[str, Any], type[tw.Error]]] = [
    (spot(SIGNATURE, "Signature not valid: Verification failure [校验失败]"), tw.AuthenticationError),
    (spot(SIGNATURE, "Signature not valid: Incorrect Access key [Access key错误]"), tw.AuthenticationError),
    (spot(SIGNATURE, LATE), tw.ClockSkew),
    (spot(SIGNATURE, "Signature not valid: 无效的提交时间"), tw.ClockSkew),
    (spot(SIGNATURE, "Signature not valid: Incorrect IP address [IP地址错误]:192.0.2.1"), tw.PermissionDenied),
    (spot(SIGNATURE, "Signature not valid: ip地址错误"), tw.PermissionDenied),
    (swap(403, "Incorrect Access key [Access key错误]"), tw.AuthenticationError),
    (v5("1003", "invalid signature"), tw.AuthenticationError),
    (spot("invalid-parameter", "invalid symbol"), tw.UnknownSymbol),
    (spot("invalid-parameter", "request limit"), tw.RateLimited),
    (spot("invalid-parameter", "invalid size, valid range: [1,2000]"), tw.InvalidRequest),
    (spot("account-frozen-balance-insufficient-error", "余额不足，剩余：`0.0027`"), tw.InsufficientFunds),
    (swap(1047, "可用保证金不足"), tw.InsufficientFunds),
    (spot("something-new", "nobody knows"), tw.VenueError),
    (v5(99_999, "nobody knows"), tw.VenueError),
]


@pytest.mark.parametrize(("body", "kind"), TEXTS, ids=[str(number) for number in range(len(TEXTS))])
def test_texts_decide_and_pass_through(body: dict[str, Any], kind: type[tw.Error]) -> None:
    error = refused(body)
    assert type(error) is kind or (kind is tw.UnknownSymbol and isinstance(error, tw.UnknownSymbol))
    sent = next(body[name] for name in ("err-msg", "err_msg", "message") if name in body)
    assert error.message == sent
    assert sent in str(error)


def test_http_says_what_bodies_do_not() -> None:
    html = b"<html><body>upstream failed</body></html>"
    assert type(refused(html, 502)) is tw.VenueUnavailable
    assert type(refused(html, 403)) is tw.PermissionDenied
    assert type(refused(html, 404)) is tw.VenueError
    limited = refused(spot("rate-too-many-requests"), 429, **{"retry-after": "2"})
    assert isinstance(limited, tw.RateLimited)
    assert limited.retry_after == 2
    banned = refused(swap(1084))
    assert isinstance(banned, tw.Banned)
    assert banned.retry_after == 300


def test_which_answers_to_a_write_leave_it_open() -> None:
    venue = tw.venue("htx")
    for body in (spot("gateway-internal-error"), spot("order-update-error"), spot("timeout")):
        assert venue.outcome_unknown(refused(body))
    assert venue.outcome_unknown(refused(b"", 504))
    for body in (spot("system-maintenance"), spot("order-value-min-error"), swap(1047), v5(1017)):
        assert not venue.outcome_unknown(refused(body))


@pytest.mark.parametrize("code", [200, "200"])
def test_success_in_version_5(code: int | str) -> None:
    body = {"code": code, "message": "Success", "data": {"details": []}, "ts": 1}
    assert tw.venue("htx").fetch_balances(kind="linear").parse(json.dumps(body).encode()) == []


def test_a_spot_cancel_by_client_id_answers_states() -> None:
    call = tw.venue("htx").cancel_order("BTC-USDT", client_order_id="mine")
    assert call.parse(b'{"status":"ok","data":10}').status is tw.OrderStatus.CANCELING
    for code in (-1, 0, 5, 6, 7):
        with pytest.raises(tw.OrderNotFound) as caught:
            call.parse(f'{{"status":"ok","data":{code}}}'.encode())
        assert caught.value.code == code
    with pytest.raises(tw.VenueError):
        call.parse(b'{"status":"ok","data":99}')


def test_orders_that_remain_are_not_passed_over() -> None:
    call = tw.venue("htx").cancel_all_orders("BTC-USDT")
    assert call.parse(b'{"status":"ok","data":{"success-count":2,"failed-count":0,"next-id":-1}}') == []
    for rest in ('"failed-count":1,"next-id":-1', '"failed-count":0,"next-id":5454600'):
        with pytest.raises(tw.VenueError, match="cancel_all_orders again"):
            call.parse(f'{{"status":"ok","data":{{"success-count":100,{rest}}}}}'.encode())
