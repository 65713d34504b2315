"""The part of the demo on Chinese futures: ticks, bars, a file's history joined to live bars, a continuous contract."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.text import Text

from ..ctp import Market, Trader, sim
from ..futures import (
    CHINA,
    Bars,
    Calendar,
    Contract,
    Ctp,
    Futures,
    KlineStream,
    Provenance,
    RollTable,
    Wenhua,
    daily_rows,
    days_before_expiry,
    stitch,
)
from ..models import Instrument
from ..wenhua import write_dat
from .output import DATA, heading, show, table
from .plot import plot

__all__ = ["chinese_futures"]

_CONTRACTS = {63577: Contract("SHFE", "rb", 2026, 7), 63580: Contract("SHFE", "rb", 2026, 10)}  # by Wenhua's number
_FIRST = datetime(2026, 6, 30, 20, 58)  # noqa: DTZ001 - the simulator's clock is China's, without a zone
_NIGHTS, _MINUTES = 5, 15
_WATCHED_FROM, _WRITTEN_TO = 6, 10  # minutes of the last night: when live bars begin, and how far the files go
_ROLL = 12  # calendar days before the end of a contract
_WAIT_S = 10.0
_PLAIN = (
    "A simulated CTP front trades the first {minutes} minutes of {nights} nights, as fast as this machine can. The\n"
    "files below are written by write_dat from that simulated history, in Wenhua's layout as publicly described:\n"
    "no terminal of Wenhua's and no real price is involved."
)


def chinese_futures() -> None:
    """Show the way from ticks to a continuous contract, offline."""
    heading("Chinese futures", 'Futures([Ctp(market, trader), Wenhua(path)]).watch_klines("rb2610", start=…)')
    if not sim.library_path().exists():
        show("[dim]The simulated CTP front is not built on this system.[/]")
        return
    show(f"[dim]{_PLAIN.format(minutes=_MINUTES, nights=_NIGHTS)}[/]\n")
    with TemporaryDirectory() as folder, _front() as front:
        nights = []
        for night in range(1, _NIGHTS):
            nights.append(_night(front))
            front.next_day(_evening(night))
        streams, ends = _last_night(front, Path(folder), nights)
    _seams(streams)
    _main(streams, ends)


def _front() -> sim.Front:
    """Time moves when we say so, so queries cannot be paced by it."""
    return sim.Front(clock=0, seed=11, start=_FIRST, hours="sessions", query_rate=100_000)


def _evening(night: int) -> datetime:
    """Two minutes before the night of a weekday; a Friday's counts for Monday."""
    evening = _FIRST + timedelta(days=night)
    return evening + timedelta(days=2 * (evening.weekday() // 5))


def _session(front: sim.Front, *files: Wenhua) -> Futures:
    user = (sim.BROKER, "demo", sim.PASSWORD)
    market = Market(front.address, broker_id=user[0], user_id=user[1], password=user[2], library="sim")
    return Futures([Ctp(market, Trader(front.address, *user, "demo", sim.AUTH_CODE, library="sim")), *files])


def _watch(futures: Futures, *, start: str | None = None) -> dict[int, KlineStream]:
    streams = {number: futures.watch_klines(contract, start=start) for number, contract in _CONTRACTS.items()}
    for contract in _CONTRACTS.values():
        futures.fetch_ticker(contract)  # time stands still until the front has heard of us
    return streams


def _read(streams: dict[int, KlineStream], bars: int) -> dict[int, Bars]:
    """Everything a stream has after so many bars."""
    for stream in streams.values():
        for _ in range(bars):
            stream.next(_WAIT_S)
    return {number: stream.bars[:bars] for number, stream in streams.items() if stream.bars is not None}


def _night(front: sim.Front) -> dict[int, Bars]:
    """Ticks of one night, as bars."""
    with _session(front) as futures:
        streams = _watch(futures)
        front.advance((2 + _MINUTES + 1) * 60)
        return _read(streams, _MINUTES)


def _last_night(
    front: sim.Front, folder: Path, nights: list[dict[int, Bars]]
) -> tuple[dict[int, KlineStream], dict[Contract, date]]:
    """Files with the nights before and the beginning of this one, and live bars from its middle on."""
    data = folder / "Data" / "SHFE" / "min1"
    data.mkdir(parents=True)
    # Minutes of nights alone do not show whether a file counts UTC or China's clock; so it is told.
    files = Wenhua(folder, codes={63577: "rb07", 63580: "rb10"}, time_base="utc", stamp="begin")
    with _session(front, files) as futures:
        recorded = _watch(futures)
        front.advance((2 + _WATCHED_FROM - 0.5) * 60)
        streams = _watch(futures, start="2026-06-30T12:00Z")
        front.advance((_WRITTEN_TO - _WATCHED_FROM + 1) * 60)
        for number, bars in _read(recorded, _WRITTEN_TO).items():
            write_dat(data / f"{number:08}.dat", Bars.concat([*(night[number] for night in nights), bars]))
        front.advance((_MINUTES - _WRITTEN_TO) * 60)
        _read(streams, _NIGHTS * _MINUTES)
        ends = {contract: _end(futures.instrument(contract)) for contract in _CONTRACTS.values()}
    return streams, ends


def _end(instrument: Instrument) -> date:
    return datetime.fromtimestamp((instrument.expiry_ns or 0) / 1e9, CHINA).date()


def _seams(streams: dict[int, KlineStream]) -> None:
    """Where each contract's history ends and its live bars begin, and how well they agree."""
    rows = []
    for number, stream in streams.items():
        bars, seam = stream.bars, stream.seam
        if bars is not None and seam is not None:
            at = datetime.fromtimestamp(seam.at / 1e9, CHINA)
            counts = (len(bars), seam.compared, len(seam.differences), seam.missing_minutes)
            rows.append((bars.symbol, f"{number:08}.dat", f"{at:%Y-%m-%d %H:%M}", *counts))
    columns = ("contract", "history", "live from", "bars", "compared", "differ", "missing")
    show(table(*columns, rows=rows, numbers="bars compared differ missing"))


def _main(streams: dict[int, KlineStream], ends: dict[Contract, date]) -> None:
    """One series of both contracts, drawn."""
    bars = {_CONTRACTS[number]: stream.bars for number, stream in streams.items() if stream.bars is not None}
    rule = days_before_expiry(_ROLL, ends.__getitem__)
    rolls = RollTable.build(daily_rows(bars), rule, next_day=Calendar().next)
    series = stitch(bars, rolls, adjust="ratio")
    heading("The continuous contract", 'stitch(bars, RollTable.build(daily_rows(bars), rule, …), adjust="ratio")')
    closes = series.bars.close.tolist()
    show(Text("\n".join(plot(closes, min(100, DATA.width), height=6)), style="cyan", no_wrap=True))
    facts = (series.bars.provenance or Provenance("", "")).facts
    show(f"[dim]{len(closes)} minutes, close {closes[0]:.10g} → {closes[-1]:.10g}; rolls: {facts['rolls']}[/]")
