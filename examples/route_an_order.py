"""An order split over four venues at the least cost, one answer lost on the way. Always runs against the sandbox."""

import tidewire as tw
from tidewire.universal import Fees, Universal

venues = ["binance", "okx", "htx", "coinbase"]
with tw.sandbox.Sandbox(venues) as sandbox:
    keys = {venue: sandbox.credentials(venue) for venue in venues}
    fees = Fees({venue: {"spot": ("0.001", "0.001")} for venue in venues})  # what the sandbox charges
    with Universal(venues, environment=sandbox, credentials=keys, fees=fees) as market:
        route = market.route("BTC-USDT", "buy", 6)
        print(route.explain())
        # The venue takes the order, and the answer never arrives.
        sandbox.fail("drop_after", venue=route.slices[0].venue, method="POST")
        report = market.execute(route)
        print(report.explain())
        if report.in_doubt:
            report = market.resolve_execution(report)  # asks; nothing is ever sent twice
            print(report.explain())
        if report.remaining:  # the books had moved on: what is left is a new decision
            print(f"{report.remaining} BTC to route again")
