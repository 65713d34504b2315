# klines
