"""What must work where only the wheel and its four dependencies are installed. Run by .ci/run; no test framework."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

BUDGET_S = 0.150
IMPORT = "import time; t = time.perf_counter(); import tidewire; print(time.perf_counter() - t)"


def main() -> None:
    taken = [float(subprocess.check_output([sys.executable, "-c", IMPORT])) for _ in range(5)]
    assert min(taken) < BUDGET_S, taken

    import tidewire as tw

    assert tw.__version__ == version("tidewire")
    assert "site-packages" in Path(tw.__file__).parts, tw.__file__
    assert importlib.util.find_spec("tidewire._ctp") is not None
    assert {"binance", "coinbase_advanced", "okx"} <= set(tw.venues())

    from tidewire import ctp

    assert ctp.load("sim").build.startswith("v6.7.11_SIM")  # the simulator's library lies in the wheel

    # RFC 4231, test case 2.
    signed = tw.Signer("Jefe").hex("what do ya want for nothing?")
    assert signed == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    venue = tw.venue("binance")
    minute = 60_000
    row = [1_732_320_000_000, "97777.0", "97800.5", "97700.1", "97750.2", "12.5", 0, "1221900.1", 321, "0", "0", "0"]
    rows = [[row[0] + i * minute, *row[1:]] for i in range(1000)]
    klines = tw.decode_klines(json.dumps(rows).encode(), venue.kline_layout("spot"))
    assert len(klines) == 1000
    assert klines.close[-1] == 97750.2
    assert int(klines.open_time[1] - klines.open_time[0]) == minute * 1_000_000

    layout = venue.book_layout("spot")
    book = tw.OrderBook(tick_size="0.01", lot_size="0.00001")
    book.apply_snapshot(b'{"lastUpdateId":10,"bids":[["100.00","1"],["99.99","2"]],"asks":[["100.01","3"]]}', layout)
    book.apply(b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":11,"u":12,"b":[["100.00","0"]],"a":[]}', layout)
    assert book.sequence == 12
    assert book.best_bid is not None
    assert book.best_bid.price == Decimal("99.99")

    print(f"tidewire {tw.__version__}: signs, decodes and merges; imports in {min(taken) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
