# Cycles of trades that pay, over books that stay where they are. Public face: tidewire.universal.arbitrage.

cdef extern from "tidewire/depth.hpp" namespace "tidewire" nogil:
    cdef cppclass DepthFill "tidewire::Depth::Fill":
        int64_t price
        int64_t units


cdef extern from "tidewire/arbitrage.hpp" namespace "tidewire" nogil:
    cdef cppclass ArbitrageLeg:
        size_t market
        int64_t factor
        int decimals

    cdef cppclass ArbitragePairs:
        vector[ArbitrageLeg] buys, sells

    cdef cppclass ArbitrageTriangle:
        ArbitrageLeg outer, inner, middle
        cpp_bool sells_outer

    cdef cppclass ArbitrageTrade:
        size_t market
        cpp_bool sells
        int price_decimals, quantity_decimals
        vector[DepthFill] fills

    cdef cppclass ArbitrageFind:
        size_t cycle
        vector[ArbitrageTrade] trades

    cdef cppclass ArbitrageScanner:
        size_t add_market(const CoreBook& book, const Grid& lot) except +
        size_t add(ArbitragePairs pairs) except +
        size_t add(const ArbitrageTriangle& triangle) except +
        void scan(vector[ArbitrageFind]& out) except +


cdef class ArbitrageKernel:
    """Finds the cycles that pay among books that it keeps alive. For the thread that the books belong to.

    A leg is (market, factor, decimals): prices are multiplied by ``factor`` / 10 ** ``decimals``.
    """

    cdef ArbitrageScanner scanner
    cdef list books

    def __cinit__(self):
        self.books = []

    def add_market(self, Book book not None, str lot_size):
        """Take part in a market, whose orders are multiples of ``lot_size`` base units; return its number."""
        cdef Grid lot = _grid("lot_size", lot_size)
        self.books.append(book)
        return self.scanner.add_market(book.idle()[0], lot)

    def add_pairs(self, buys, sells):
        """Buy on any of ``buys``, sell on any of ``sells``; return the number of the cycle."""
        cdef ArbitragePairs pairs
        for leg in buys:
            pairs.buys.push_back(self.leg(leg))
        for leg in sells:
            pairs.sells.push_back(self.leg(leg))
        return self.scanner.add(pairs)

    def add_triangle(self, outer, inner, middle, *, bint sells_outer):
        """Trade ``outer`` one way, ``inner`` and ``middle`` the other; return the number of the cycle."""
        cdef ArbitrageTriangle triangle
        triangle.outer, triangle.inner, triangle.middle = self.leg(outer), self.leg(inner), self.leg(middle)
        triangle.sells_outer = sells_outer
        return self.scanner.add(triangle)

    def scan(self):
        """Return (cycle, trades) of every one that pays, with no trades where its numbers are too large.

        A trade is (market, sells, price decimals, quantity decimals, fills); a fill is price and quantity in units of
        10 ** -decimals.
        """
        cdef vector[ArbitrageFind] finds
        cdef Book book
        for book in self.books:
            book.idle()  # raises while another thread is writing it
        self.scanner.scan(finds)
        return [(find.cycle, tuple([_trade(trade) for trade in find.trades])) for find in finds]

    cdef ArbitrageLeg leg(self, leg) except *:
        cdef ArbitrageLeg out
        out.market, out.factor, out.decimals = leg
        if out.market >= <size_t> len(self.books):
            raise IndexError(f"no market {out.market}: there are {len(self.books)}")
        return out


cdef tuple _trade(ArbitrageTrade& trade):
    return (
        trade.market, bool(trade.sells), trade.price_decimals, trade.quantity_decimals,
        tuple([(fill.price, fill.units) for fill in trade.fills]),
    )
