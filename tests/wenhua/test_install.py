"""An installation as publicly described: what is in it, its numbers, its chains of contracts; never written to."""

from __future__ import annotations

import hashlib
import random
import stat
import struct
from datetime import date, datetime, time
from pathlib import Path

import pytest

import tidewire as tw
from tidewire.futures import CHINA, Contract
from tidewire.wenhua import WenhuaFormatError, open_install

from .files import CALENDAR, assert_same, independent, minutes, walk


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def entry(number: int, *texts: str) -> bytes:
    """An entry of a code table: the number in field 2, texts in whatever fields; which ones is not known."""
    fields = b"\x08\x01" + b"\x10" + varint(number) + b"\x3d" + struct.pack("<f", 1.5)
    for field, text in enumerate(texts, 4):
        data = text.encode("gb18030")
        fields += varint(field << 3 | 2) + varint(len(data)) + data
    return b"\x0a" + varint(len(fields)) + fields


def days_of(first: date, last: date):
    return [datetime.combine(day, time(), CHINA) for day in CALENDAR.trading_days if first <= day <= last]


MINUTES = walk(minutes())
DAYS = walk(days_of(date(2024, 9, 2), date(2026, 11, 20)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small installation: rebar in SHME, an index abroad, tables in both styles."""
    for name, data in {
        "Data/SHME/min1/00063580.dat": independent(MINUTES),
        "Data/SHME/day/00063580.dat": independent(DAYS, "daily"),
        "Data/SHME/sec15/00063580.dat": b"\0" * 72,
        "Data/SHME/min1/readme.txt": b"no bars",
        "Data/IMM/day/00062800.dat": independent(DAYS, "daily"),
        "sys/MarketIni/Market4.ini": "; 上期所\r\n[config]\r\nName=上期所一\r\n63580=rb10,螺纹10\r\n"
        "63571=rb01,螺纹01\r\n63570=螺纹主连\r\n63999=m05,豆粕05\r\n".encode("gb18030"),
        "sys/MarketIni/Market1.ini": "600000=浦发银行\r\n".encode("gb18030"),
        "WHData/CodeTable/dce.dat": entry(57009, "i2609", "铁矿2609") + entry(57000, "铁矿加权"),
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def test_the_catalogue_has_what_can_be_read_in_one_way_and_tells_the_rest(root):
    install = open_install(root)
    assert [(each.number, each.product, each.month, each.name) for each in install.catalogue.values()] == [
        (57009, "i", 9, "铁矿2609"),
        (63571, "rb", 1, "螺纹01"),
        (63580, "rb", 10, "螺纹10"),
    ]
    assert install.catalogue[63580].source == "sys/MarketIni/Market4.ini"
    # A joined series has no month; soybean meal does not belong to Shanghai.
    assert install.doubts == (
        "sys/MarketIni/Market4.ini: 2 of 4 entries are not understood",
        "WHData/CodeTable/dce.dat: 1 of 2 entries are not understood",
    )


def test_files_are_listed_by_market_and_length(root):
    install = open_install(root)
    assert [(each.market, each.period, each.number, str(each.interval)) for each in install.files()] == [
        ("IMM", "day", 62800, "1d"),
        ("SHME", "day", 63580, "1d"),
        ("SHME", "min1", 63580, "1m"),
        ("SHME", "sec15", 63580, "None"),
    ]
    assert [each.period for each in install.files(number=63580, interval="1m")] == ["min1"]
    assert [each.number for each in install.contracts("1m")] == [63580]
    assert install.files(interval="1m")[0].bytes == 4 + 36 * len(MINUTES)
    assert str(len(MINUTES)) not in repr(install)
    assert "3 numbers known, 4 files" in repr(install)


def test_bars_are_read_by_number_month_or_contract(root):
    install = open_install(root)
    for what in (63580, "rb10", "rb2610", "SHFE.rb2710", Contract("SHFE", "rb", 2027, 10)):
        assert install.file(what).number == 63580
    assert_same(install.read(63580), MINUTES)
    assert_same(install.read("rb10"), MINUTES)
    # In November 2026, October's contract is that of the year after.
    bars = install.read("rb2710")
    assert_same(bars, MINUTES)
    assert (bars.klines.symbol, str(bars.klines.interval)) == ("SHFE.rb2710", "1m")
    assert bars.provenance.facts["rounded_to"] == "1"
    assert bars.provenance.source.endswith("00063580.dat")
    with pytest.raises(tw.ConfigError, match=r"no bar of SHFE.rb2610 in the file of its month, which has SHFE.rb2710"):
        install.read("rb2610")


def test_a_number_is_a_chain_of_contracts_split_by_delivery(root):
    chain = open_install(root).chain("rb10", "1d")
    assert [str(each) for each in chain] == ["SHFE.rb2410", "SHFE.rb2510", "SHFE.rb2610", "SHFE.rb2710"]
    last = [bars.trading_day[-1].item() for bars in chain.values()]
    # By hand: rebar's last day is the 15th of its month, all three of which were trading days.
    assert last[:3] == [date(2024, 10, 15), date(2025, 10, 15), date(2026, 10, 15)]
    first = [bars.trading_day[0].item() for bars in chain.values()]
    assert first[1:] == [CALENDAR.next(day) for day in last[:3]]
    assert sum(len(bars) for bars in chain.values()) == len(DAYS)
    assert_same(open_install(root).read("rb2610", "1d"), [row for row in DAYS if _of_2610(row[0].date())])


def _of_2610(day: date) -> bool:
    return date(2025, 10, 15) < day <= date(2026, 10, 15)


def test_codes_and_last_days_of_ones_own_win(root):
    install = open_install(
        root, codes={63580: "hc10", 62800: "IF12"}, last_day=lambda contract: date(contract.year, contract.month, 1)
    )
    assert (install.catalogue[63580].product, install.catalogue[63580].source) == ("hc", "codes")
    assert install.read("hc2610", "1d").trading_day[-1].item() == date(2026, 9, 30)
    with pytest.raises(WenhuaFormatError, match="on a tick of 10"):
        open_install(root, codes={63580: "cu10"}).read("cu10")
    assert_same(open_install(root, codes={63580: "cu10"}).read("cu10", tick="1"), MINUTES)


@pytest.mark.parametrize(
    ("what", "interval", "why"),
    [
        ("hc10", "1m", r"no table of .* says which number hc10 has \(it knows i rb\); give codes="),
        ("rb10", "5m", r"stored no 5m bars of rb10 \(00063580.dat; of it there are: day min1 sec15\)"),
        (12345, "1m", r"stored no 1m bars of 12345 .*there are: none"),
        ("rb13", "1m", "'rb13' is no product with a delivery month"),
        ("SHFE.rb@main", "1m", "not as SHFE.rb@main"),
        ("sc2706TAS", "1m", "not as sc2706TAS"),
    ],
)
def test_what_is_not_there_is_told(root, what, interval, why):
    with pytest.raises(tw.ConfigError, match=why):
        open_install(root).read(what, interval)


def test_doubts_are_refused(root):
    (root / "Data/shfe2/min1").mkdir(parents=True)
    (root / "Data/shfe2/min1/00063580.dat").write_bytes(independent(MINUTES[:50]))
    install = open_install(root)
    with pytest.raises(tw.ConfigError, match=r"in several markets: \['SHME', 'shfe2'\]"):
        install.read("rb10")
    assert len(install.read("rb10", market="SHME")) == len(MINUTES)
    with pytest.raises(tw.ConfigError, match="which contracts 62800 stands for is not known"):
        install.chain(62800, "1d")
    (root / "sys/MarketIni/market5.ini").write_bytes(b"63580=hc10\r\n63590=rb01\r\n")
    install = open_install(root)
    assert "the tables contradict each other about 63580" in install.doubts
    assert 63580 not in install.catalogue
    with pytest.raises(tw.ConfigError, match=r"rb01 could be any of \[63571, 63590\]"):
        install.read("rb01")


def test_tables_that_cannot_be_read_are_told(root):
    (root / "WHData/CodeTable/dce.dat").write_bytes(b"\x0a\x7f\x00")
    (root / "sys/MarketIni/Market2.ini").write_bytes(b"64001=SR01 \xff\xff\xff")
    install = open_install(root)
    assert len([each for each in install.doubts if "cannot be read" in each]) == 2
    assert "rb" in {each.product for each in install.catalogue.values()}


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_code_table_never_ends_in_another_error(root, seed):
    source = random.Random(seed)
    path = root / "WHData/CodeTable/dce.dat"
    data = bytearray(path.read_bytes() * 3)
    for _ in range(source.randrange(1, 6)):
        data[source.randrange(len(data))] = source.randrange(256)
    path.write_bytes(data[: source.randrange(len(data) + 1)])
    assert 63580 in open_install(root).catalogue


def test_a_folder_that_is_no_installation_is_refused_with_what_was_seen(tmp_path):
    (tmp_path / "Documents").mkdir()
    with pytest.raises(tw.ConfigError, match=r"has no folder Data.*\(seen: Documents\)"):
        open_install(tmp_path)
    with pytest.raises(tw.ConfigError, match="no such folder"):
        open_install(tmp_path / "nowhere")
    (tmp_path / "Data").mkdir()
    with pytest.raises(tw.ConfigError, match="'rebar' is no product with a delivery month"):
        open_install(tmp_path, codes={1: "rebar"})


def state(root: Path) -> dict[str, tuple[int, int, str]]:
    found = {}
    for path in sorted(root.rglob("*")):
        told = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (told.st_mtime_ns, told.st_mode, digest)
    return found


def test_nothing_is_ever_written(root):
    """Read-only folders suffice, and nothing in them changes: content, times, permissions, names."""
    every = [root, *sorted(root.rglob("*"))]
    for path in reversed(every):
        path.chmod(stat.S_IRUSR | (stat.S_IXUSR if path.is_dir() else 0))
    try:
        before = state(root)
        install = open_install(root)
        install.files()
        install.read("rb10")
        install.chain("rb10", "1d")
        with pytest.raises(tw.ConfigError):
            install.read("hc10")
        assert state(root) == before
    finally:
        for path in every:
            path.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IXUSR)
