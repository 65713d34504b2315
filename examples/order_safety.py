"""An order whose answer is lost, and how to find out what became of it. Always runs against the local sandbox."""

import tidewire as tw

with tw.sandbox.Sandbox("binance") as sandbox:
    credentials = sandbox.credentials("binance")
    with tw.Client("binance", environment=sandbox, credentials=credentials) as binance:
        rules = binance.instrument("BTC-USDT")
        price = rules.round_price(binance.fetch_price("BTC-USDT") / 2, "down")
        sandbox.fail("drop_after", method="POST")  # the venue accepts the order, and the answer never arrives
        try:
            order = binance.create_order("BTC-USDT", side="buy", type="limit", quantity="0.01", price=price)
        except tw.OutcomeUnknown as unknown:
            print(unknown)
            order = binance.resolve_order(unknown)
        print(order.status, order.order_id, order.client_order_id)
        print(binance.cancel_order("BTC-USDT", order_id=order.order_id).status)
