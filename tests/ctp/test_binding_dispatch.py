"""Every method and callback of every version goes through its own slot, with its own arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tidewire import ctp
from tidewire.ctp import schema
from tidewire.errors import ConfigError, CtpError, CtpIncompatible, NotSupported

ALL = schema.versions()
BY_HAND = {"Release", "Init", "Join", "RegisterSpi", "GetTradingDay"}


def numbered(lib: ctp.Ctp, name: str) -> Any:
    """A struct whose every field holds something."""
    record = getattr(lib, name)()
    for at, field in enumerate(lib.schema.structs[name].fields):
        if field.type.c_type == "char":
            setattr(record, field.name, ("中" if field.type.size > 2 else "x") if at % 2 else "a")
        else:
            setattr(record, field.name, at + (0.5 if field.type.c_type == "double" else 0))
    return record


def arguments(lib: ctp.Ctp, method: schema.Method) -> list[Any]:
    given: dict[str, Any] = {"int": 77, "char*": "tcp://127.0.0.1:1", "char*[]": ["rb2701"], "ResumeType": "QUICK"}
    kinds = [kind for kind in method.parameters if not (kind == "int" and "char*[]" in method.parameters)]
    return [given[kind] if kind in given else numbered(lib, kind.removesuffix("*")) for kind in kinds]


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("name", ["MdApi", "TraderApi"])
def test_methods(fake_vendor: Callable[[str], Any], version: str, name: str) -> None:
    vendor = fake_vendor(version)
    vendor.number("answer", -3)
    with getattr(vendor.lib, name)() as api:
        for slot, method in enumerate(vendor.schema.classes[name]):
            if method.name in BY_HAND:
                continue
            given = arguments(vendor.lib, method)
            record = given[0] if hasattr(given[0], "to_dict") else None
            vendor.number("peek", len(bytes(record)) if record is not None else 0)
            result = getattr(api, method.name)(*given)
            assert vendor.number("last_slot") == slot, method
            if method.returns == "int":
                assert result == -3
            if record is not None:
                assert vendor.data(len(bytes(record))) == bytes(record), method
            if method.parameters[1:] == ("int",) and record is not None:
                assert vendor.number("last_number") == 77
        assert api.GetTradingDay() == "19800100"
        vendor.number("peek", 0)
        vendor.number("answer", 0)  # others use the same library
        assert set(dir(api)) > {method.name for method in vendor.schema.classes[name]}
        with pytest.raises(AttributeError, match=f"{name} of CTP {version} has no ReqOrderInsrt"):
            _ = api.ReqOrderInsrt


class Recorder:
    """Listens to everything."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("On"):
            raise AttributeError(name)
        return lambda *arguments: self.calls.append((name, arguments))


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("delivery", ["direct", "queue"])
@pytest.mark.parametrize("name", ["Md", "Trader"])
def test_callbacks(fake_vendor: Callable[[str], Any], version: str, name: str, delivery: ctp.api.Delivery) -> None:
    vendor = fake_vendor(version)
    listener = Recorder()
    expected = []
    api = getattr(vendor.lib, f"{name}Api")(delivery=delivery)
    api.RegisterSpi(listener)
    api.RegisterFront("tcp://127.0.0.1:1")
    api.Init()
    for method in vendor.schema.classes[f"{name}Spi"]:
        for full in (True, False):
            given = [
                (numbered(vendor.lib, kind.removesuffix("*")) if full else None)
                if kind.endswith("*")
                else {"int": 4097, "bool": full}[kind]
                for kind in method.parameters
            ]
            vendor.fire(f"{name}Spi", method.name, *given)
            expected.append((method.name, tuple(given)))
    api.close()  # what waited has been delivered
    assert listener.calls == expected
    assert vendor.spi is None  # the vendor was told that nobody listens, before the release


def test_only_what_is_listened_to_is_delivered(fake_vendor: Callable[[str], Any]) -> None:
    vendor = fake_vendor("6.7.11")
    calls: list[Any] = []

    class Few:
        OnRtnDepthMarketData = staticmethod(calls.append)
        OnFrontConnected = None  # not a method: nobody listens

    tick = vendor.lib.DepthMarketData(InstrumentID="rb2701")
    with vendor.lib.MdApi() as api:
        vendor.fire("MdSpi", "OnRtnDepthMarketData", tick)
        assert calls == []
        api.RegisterSpi(Few())
        vendor.fire("MdSpi", "OnRtnDepthMarketData", tick)
        vendor.fire("MdSpi", "OnFrontConnected")
        assert calls == [tick]
        api.RegisterSpi(None)
        vendor.fire("MdSpi", "OnRtnDepthMarketData", tick)
        assert calls == [tick]


def test_versions_live_side_by_side(fake_vendor: Callable[[str], Any]) -> None:
    old, new = fake_vendor("6.6.1"), fake_vendor("6.7.13")
    assert old.lib.version == "6.6.1"
    assert new.lib.version == "6.7.13"
    with old.lib.TraderApi() as first, new.lib.TraderApi() as second:
        first.ReqOrderInsert(old.lib.InputOrder(), 1)
        second.ReqOrderInsert(new.lib.InputOrder(), 1)
        assert old.number("last_slot") != new.number("last_slot")
        with pytest.raises(ConfigError, match=r"takes InputOrder of CTP 6\.7\.13, not InputOrder of CTP 6\.6\.1"):
            second.ReqOrderInsert(old.lib.InputOrder(), 1)
        assert not hasattr(first, "GetFrontInfo")
        with pytest.raises(AttributeError):
            _ = old.lib.FrontInfo


def test_an_unknown_version_is_refused(tmp_path: Any, fake_vendor: Callable[[str], Any]) -> None:
    data = fake_vendor("6.7.11").file.read_bytes()
    other = tmp_path / "other.so"
    other.write_bytes(data.replace(b"v6.7.11_", b"v6.7.99_"))
    with pytest.raises(CtpIncompatible, match=r"6\.7\.99.*supported are 6\.3\.15, .*6\.7\.13"):
        ctp.load(other)


def test_loading_says_what_is_missing(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no CTP library in "):
        ctp.load(tmp_path)
    with pytest.raises(ConfigError, match="no such file"):
        ctp.load(tmp_path / "absent.so")
    with pytest.raises(ConfigError, match="library is a file, a folder"):
        ctp.load(5)  # type: ignore[arg-type]
    monkeypatch.setattr(ctp.library, "_PACKAGES", ())
    monkeypatch.delenv("TIDEWIRE_CTP_PATH", raising=False)
    with pytest.raises(ConfigError, match="install openctp-ctp"):
        ctp.load()


def test_environment_and_argument(fake_vendor: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = fake_vendor("6.6.1"), fake_vendor("6.7.13")
    monkeypatch.setenv("TIDEWIRE_CTP_PATH", str(old.file))
    assert ctp.load().version == "6.6.1"
    assert ctp.load(new.file).version == "6.7.13"
    assert ctp.load([new.file, old.file]).version == "6.7.13"
    with ctp.MdApi() as md, ctp.TraderApi(library=new.lib) as trader:
        assert (md.library.version, trader.library.version) == ("6.6.1", "6.7.13")


def test_the_test_mode_is_of_later_versions(fake_vendor: Callable[[str], Any]) -> None:
    with pytest.raises(NotSupported, match="no test mode"):
        fake_vendor("6.7.9").lib.TraderApi(production=False)
    fake_vendor("6.7.11").lib.TraderApi(production=False).close()


def test_what_the_library_throws_is_an_error(fake_vendor: Callable[[str], Any]) -> None:
    vendor = fake_vendor("6.7.2")
    with vendor.lib.MdApi() as api:
        vendor.number("fails", 1)
        try:
            with pytest.raises(CtpError, match="the CTP library failed: front list is empty"):
                api.ReqUserLogin(vendor.lib.ReqUserLogin(), 1)
        finally:
            vendor.number("fails", 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda api, lib: api.ReqUserLogin(None, 1), "takes ReqUserLogin of CTP 6.7.11, not NoneType"),
        (lambda api, lib: api.ReqUserLogin(lib.InputOrder(), 1), "not InputOrder"),
        (lambda api, lib: api.ReqUserLogin(lib.ReqUserLogin(), "1"), "an int of 32 bits as request_id, not '1'"),
        (
            lambda api, lib: api.ReqUserLogin(lib.ReqUserLogin(), 2**31),
            "an int of 32 bits as request_id, not 2147483648",
        ),
        (lambda api, lib: api.SubscribeMarketData("rb2701"), "a list of instruments"),
        (lambda api, lib: api.SubscribeMarketData([]), "at least one"),
        (lambda api, lib: api.SubscribeMarketData(["x" * 81]), "1 to 80 bytes"),
        (lambda api, lib: api.SubscribeMarketData([5]), "5 is no instrument"),
        (lambda api, lib: api.SubscribeMarketData(["a\0b"]), "is no instrument"),
    ],
)
def test_bad_arguments(fake_vendor: Callable[[str], Any], given: Callable[[Any, Any], Any], message: str) -> None:
    vendor = fake_vendor("6.7.11")
    with vendor.lib.MdApi() as api:
        vendor.number("last_slot", -1)
        with pytest.raises(ConfigError, match=message):
            given(api, vendor.lib)
        assert vendor.number("last_slot") == -1  # nothing reached the library


def test_bad_resume_types(fake_vendor: Callable[[str], Any]) -> None:
    with fake_vendor("6.7.11").lib.TraderApi() as api:
        for bad in ("QUCK", 7, None):
            with pytest.raises(ConfigError, match="RESTART, RESUME, QUICK, NONE"):
                api.SubscribePrivateTopic(bad)
        for good in ("RESTART", ctp.ResumeType.QUICK, 1):
            api.SubscribePrivateTopic(good)
        with pytest.raises(NotSupported, match="SubscribePrivateTopic of this version"):
            api.SubscribePrivateTopic("RESUME_FROM_SEQ_NO", 5)


def test_a_flow_resumed_from_a_number(fake_vendor: Callable[[str], Any]) -> None:
    vendor = fake_vendor("6.7.13")
    with vendor.lib.TraderApi() as api:
        api.SubscribePrivateTopic("RESUME_FROM_SEQ_NO", 5)
        assert vendor.number("last_number") == 5
        with pytest.raises(NotSupported, match="SubscribePublicTopic"):
            api.SubscribePublicTopic("RESUME_FROM_SEQ_NO")
