"""The vendor's structs as Python objects: what goes in comes out, and what does not belong is refused."""

from __future__ import annotations

import copy
import pickle
import struct
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.ctp import schema
from tidewire.ctp.structs import Structs, structs
from tidewire.errors import ConfigError

LIB = structs("6.7.11")
SECRETS = ("Password", "NewPassword", "OldPassword", "OneTimePassword", "BankPassWord", "AuthCode", "SMSCode", "PIN")


def test_fields_in_and_out() -> None:
    order = LIB.InputOrder(InstrumentID="rb2701", Direction="Buy", LimitPrice=3921.5, VolumeTotalOriginal=3)
    assert (order.InstrumentID, order.Direction, order.LimitPrice) == ("rb2701", "0", 3921.5)
    assert order.Direction == LIB.DirectionType.Buy == LIB.THOST_FTDC_D_Buy == "0"
    assert (order.VolumeTotalOriginal, order.BrokerID, order.OrderPriceType) == (3, "", "")
    order.Direction = LIB.DirectionType.Sell
    order.LimitPrice = Decimal("3921.25")
    order.VolumeTotalOriginal = np.int64(7)
    order.InstrumentID = "au"  # the rest of what was there before goes
    assert (order.Direction, order.LimitPrice, order.VolumeTotalOriginal) == ("1", 3921.25, 7)
    assert order.raw("InstrumentID") == b"au".ljust(81, b"\0")
    assert repr(order) == "InputOrder(Direction='1', LimitPrice=3921.25, VolumeTotalOriginal=7, InstrumentID='au')"
    assert order.to_dict()["InstrumentID"] == "au"
    assert list(order.to_dict()) == [field.name for field in LIB.schema.structs["InputOrder"].fields]
    assert type(order)(**order.to_dict()) == order
    assert LIB.InputOrder.__doc__ == "InputOrder of CTP 6.7.11."
    assert LIB.InputOrder.Direction.__doc__ == "DirectionType, char"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"InstrumentId": "x"}, r"InputOrder of CTP 6\.7\.11 has no field 'InstrumentId'; did you mean InstrumentID"),
        ({"Nothing": "x"}, "has no field 'Nothing'$"),
        ({"InstrumentID": 5}, "takes a str, not 5"),
        ({"InstrumentID": None}, "takes a str, not None"),
        ({"InstrumentID": "x" * 81}, "at most 80 bytes in GB18030, not 81"),
        ({"InstrumentID": "螺" * 41}, "at most 80 bytes in GB18030, not 82"),
        ({"InstrumentID": "a\0b"}, "text without a zero character"),
        ({"InstrumentID": "\ud800"}, "text that GB18030 can write"),
        ({"InstrumentID": b"x" * 82}, "at most 81 bytes, not 82"),
        ({"Direction": "Up"}, "one ASCII character or one of Buy, Sell, not 'Up'"),
        ({"Direction": "买"}, "one ASCII character"),
        ({"Direction": 0}, "a str of one character"),
        ({"LimitPrice": "3"}, "takes a number, not '3'"),
        ({"LimitPrice": None}, "takes a number"),
        ({"LimitPrice": float("nan")}, "a finite number"),
        ({"LimitPrice": float("inf")}, "a finite number"),
        ({"LimitPrice": 1j}, "takes a number"),
        ({"LimitPrice": 10**400}, "takes a number"),
        ({"VolumeTotalOriginal": 1.0}, "takes an int, not 1.0"),
        ({"VolumeTotalOriginal": "1"}, "takes an int"),
        ({"VolumeTotalOriginal": 2**31}, "an int of 32 bits, not 2147483648"),
        ({"VolumeTotalOriginal": -(2**31) - 1}, "an int of 32 bits"),
        ({"VolumeTotalOriginal": 2**70}, "an int of 32 bits"),
    ],
)
def test_what_does_not_belong_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LIB.InputOrder(**fields)
    order = LIB.InputOrder(InstrumentID="rb2701", LimitPrice=1, VolumeTotalOriginal=2, Direction="Sell")
    before = bytes(order)
    ((name, value),) = fields.items()
    with pytest.raises(ConfigError, match=message):
        setattr(order, name, value)
    assert bytes(order) == before


def test_other_misuse() -> None:
    order = LIB.InputOrder()
    with pytest.raises(ConfigError, match="by name"):
        LIB.InputOrder("rb2701")
    with pytest.raises(ConfigError, match="cannot be deleted"):
        del order.InstrumentID
    with pytest.raises(AttributeError):
        _ = order.InstrumentId
    with pytest.raises(ConfigError, match="has no field 5"):
        order.raw(5)
    with pytest.raises(ConfigError, match="exactly the bytes of the struct: 408"):
        LIB.InputOrder.from_bytes(b"short")
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(order)
    with pytest.raises(TypeError, match="unhashable"):
        hash(order)
    with pytest.raises(TypeError):
        type("Sub", (LIB.InputOrder,), {})
    with pytest.raises(AttributeError, match="did you mean InputOrder"):
        _ = LIB.InputOrdr


@pytest.mark.parametrize("version", schema.versions())
def test_secrets_never_show(version: str) -> None:
    lib, seen = structs(version), 0
    for name, layout in lib.schema.structs.items():
        for field in layout.fields:
            if field.name not in SECRETS or field.type.c_type != "char":
                continue
            record = getattr(lib, name)(**{field.name: "hunter2"[: field.type.size - 1]})
            assert getattr(record, field.name)
            assert "hunter" not in repr(record) + str(record), (name, field.name)
            with pytest.raises(ConfigError) as caught:
                setattr(record, field.name, "hunter2" * 50)
            assert "hunter" not in str(caught.value)
            with pytest.raises(ConfigError) as caught:
                setattr(record, field.name, ["hunter2"])
            assert "hunter" not in str(caught.value)
            seen += 1
    assert seen > 30


def test_no_value_is_nan_and_the_raw_value_is_there() -> None:
    at = next(one.offset for one in LIB.schema.structs["DepthMarketData"].fields if one.name == "LastPrice")
    data = bytearray(584)
    data[at : at + 8] = struct.pack("d", sys.float_info.max)
    tick = LIB.DepthMarketData.from_bytes(bytes(data))
    assert tick.LastPrice != tick.LastPrice
    assert tick.raw("LastPrice") == sys.float_info.max
    assert tick.BidPrice1 == 0.0
    assert tick == LIB.DepthMarketData.from_bytes(bytes(data))  # though nan != nan


def test_chinese_needs_no_locale_and_cut_characters_no_mercy() -> None:
    info = LIB.RspInfo(ErrorID=3, ErrorMsg="CTP:不合法的登录")
    assert info.ErrorMsg == "CTP:不合法的登录"
    assert info.raw("ErrorMsg").rstrip(b"\0") == "CTP:不合法的登录".encode("gb18030")
    whole = bytearray(bytes(LIB.SettlementInfo()))
    at = next(one for one in LIB.schema.structs["SettlementInfo"].fields if one.name == "Content")
    whole[at.offset : at.offset + 501] = ("结" * 250).encode("gb18030") + b"\xbd"  # no room for the zero either
    cut = LIB.SettlementInfo.from_bytes(bytes(whole))
    assert cut.Content == "结" * 250 + "\ufffd"
    assert len(cut.raw("Content")) == 501


def test_binary_contents_are_kept_as_they_are() -> None:
    information = bytes(range(256)) + b"\0" * 17
    record = LIB.UserSystemInfo(ClientSystemInfo=information, ClientSystemInfoLen=len(information))
    assert record.raw("ClientSystemInfo") == information


def test_equality_and_copies() -> None:
    a, b = LIB.RspInfo(ErrorID=1, ErrorMsg="x"), LIB.RspInfo(ErrorID=1, ErrorMsg="x")
    assert a == b
    assert a != LIB.RspInfo(ErrorID=2, ErrorMsg="x")
    assert a != structs("6.7.13").RspInfo(ErrorID=1, ErrorMsg="x")  # not the same layout
    assert a != "x"
    c = copy.copy(a)
    c.ErrorID = 5
    assert (a.ErrorID, copy.deepcopy(a)) == (1, a)


def any_record(lib: Structs) -> st.SearchStrategy[tuple[str, bytes]]:
    return st.sampled_from(sorted(lib.schema.structs)).flatmap(
        lambda name: st.tuples(st.just(name), st.binary(min_size=(n := lib.schema.structs[name].size), max_size=n))
    )


@given(st.data())
def test_any_bytes_can_be_read(data: st.DataObject) -> None:
    """Against the struct module: what a front sends is never trusted."""
    name, content = data.draw(any_record(LIB))
    record = getattr(LIB, name).from_bytes(content)
    assert bytes(record) == content
    assert copy.copy(record) == record
    assert name in repr(record)
    for field in LIB.schema.structs[name].fields:
        raw = content[field.offset : field.offset + field.type.size]
        value = getattr(record, field.name)
        if field.type.c_type == "char":
            assert value == raw.split(b"\0")[0].decode("gb18030", "replace")
        else:
            (wanted,) = struct.unpack({"int": "i", "short": "h", "double": "d"}[field.type.c_type], raw)
            if field.type.c_type == "double" and (wanted >= 1e300 or wanted != wanted):
                assert value != value
            else:
                assert value == wanted
        assert record.to_dict()[field.name] == value or value != value


@given(st.text(max_size=90))
def test_any_text_comes_back_or_is_refused(text: str) -> None:
    try:
        encoded = text.encode("gb18030")
    except UnicodeEncodeError:
        encoded = b"x" * 81
    if len(encoded) > 80 or b"\0" in encoded:
        with pytest.raises(ConfigError):
            LIB.InputOrder(InstrumentID=text)
    else:
        assert LIB.InputOrder(InstrumentID=text).InstrumentID == text


@pytest.mark.parametrize("version", schema.versions())
def test_every_struct_of_every_version_can_be_made(version: str) -> None:
    lib = structs(version)
    for name, layout in lib.schema.structs.items():
        record = getattr(lib, name)()
        assert len(bytes(record)) == layout.size
        assert repr(record) == f"{name}()"


def test_enumerations_have_the_vendors_names() -> None:
    assert {one.name: one.value for one in LIB.DirectionType} == {"Buy": "0", "Sell": "1"}
    assert LIB.THOST_FTDC_OF_CloseToday == LIB.OffsetFlagType.CloseToday == "3"
    assert LIB.THOST_FTDC_VTC_BankBankToFuture == "102001"
    assert LIB.InputOrder(Direction=LIB.DirectionType.Sell).Direction == "1"
