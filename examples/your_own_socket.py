"""Calls and books without any client: bring your own transport, recorder or replay. Nothing here touches a network."""

import tidewire as tw

binance = tw.venue("binance")
call = binance.fetch_klines("BTC-USDT", "1m", limit=2)
print(call.request.method, call.request.url)
body = (
    b'[[1712738460000,"71481.9","71482.0","71480.1","71481.9","0.002",1712738519999,"142.96",1,"0.002","142.96","0"]]'
)
print(call.parse(body))

book = tw.OrderBook(tick_size="0.01", lot_size="0.00001")
layout = binance.book_layout("spot")
book.apply_snapshot(b'{"lastUpdateId":10,"bids":[["100.00","1.5"]],"asks":[["100.02","2"]]}', layout)
book.apply(b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":11,"u":12,"b":[["100.01","0.5"]],"a":[]}', layout)
print(book.state, book.sequence, book.best_bid, book.best_ask)
print(book.arrays(2))

print(tw.Signer("secret").hex("symbol=BTCUSDT&timestamp=1499827319559"))
