# A quantity split over venues. Public face: tidewire.universal.allocation.

cdef extern from "tidewire/allocation.hpp" namespace "tidewire" nogil:
    cdef cppclass Wide:
        pass

    Wide widen(int64_t high, uint64_t low)
    int64_t high_half(Wide value)
    uint64_t low_half(Wide value)

    cdef cppclass OrderRules:
        int64_t lot
        int64_t tick
        int64_t min_quantity
        int64_t max_quantity
        int64_t min_price
        int64_t max_price
        Wide min_notional
        Wide max_notional
        Wide funds
        int64_t weight

    cdef cppclass PriceLevel:
        int64_t price
        int64_t quantity

    cdef cppclass Offer:
        OrderRules rules
        vector[PriceLevel] levels

    cdef cppclass Taken:
        int64_t quantity
        Wide value
        int64_t limit
        size_t levels

    cdef cppclass Allocation:
        int64_t unfilled
        vector[Taken] taken

    cdef enum class Direction(uint8_t):
        buy
        sell

    cpp_bool read_levels(
        const CoreBook& book, Direction direction, int64_t tick, int64_t lot, int64_t enough, vector[PriceLevel]& out,
        cpp_bool& parts
    ) except +
    Code allocate(
        OfferSpan offers, Direction direction, int64_t quantity, size_t max_used, Allocation& out
    ) except +


cdef extern from "<span>" namespace "std" nogil:
    cdef cppclass OfferSpan "std::span<const tidewire::Offer>":
        OfferSpan(const Offer* data, size_t size)


cdef Wide _wide(object value) except *:
    return widen(value >> 64, value & 0xFFFF_FFFF_FFFF_FFFF)


cdef class Offers:
    """One side of several books as it stands now, in units that all share, and what their venues ask of an order.

    An entry is a book, its tick and lot in units, and the rules: lot, tick, min_quantity, max_quantity, min_price,
    max_price, min_notional, max_notional, funds, weight; see allocation.hpp. Of each book so much is read as ``enough``
    of its quantity needs. Immutable afterwards. Raises ``ConfigError`` for a price that does not fit.
    """

    cdef vector[Offer] offers
    cdef Direction direction
    cdef cpp_bool has_parts

    def __init__(self, entries, *, bint buy, int64_t enough):
        cdef Book book
        cdef Offer offer
        self.direction = Direction.buy if buy else Direction.sell
        self.offers.clear()
        self.has_parts = False
        for book, tick, lot, rules in entries:
            offer.levels.clear()
            offer.rules.lot, offer.rules.tick = rules[0], rules[1]
            offer.rules.min_quantity, offer.rules.max_quantity = rules[2], rules[3]
            offer.rules.min_price, offer.rules.max_price = rules[4], rules[5]
            offer.rules.min_notional = _wide(rules[6])
            offer.rules.max_notional = _wide(rules[7])
            offer.rules.funds = _wide(rules[8])
            offer.rules.weight = rules[9]
            if min(offer.rules.lot, offer.rules.tick, offer.rules.weight) < 1:
                raise ConfigError("lot, tick and weight are positive")
            if not read_levels(book.idle()[0], self.direction, tick, lot, enough, offer.levels, self.has_parts):
                raise ConfigError("a price of the book does not fit these units")
            self.offers.push_back(offer)

    @property
    def parts(self):
        """True when a level holds part of a lot of its book: in finer units more of it may count."""
        return self.has_parts

    def allocate(self, int64_t quantity, size_t max_used, only=None):
        """Return what remains unfilled, and of each entry (or of one) what is taken: quantity, value, limit, levels.

        Levels come as bytes: rows of price and quantity, 8 bytes each, of which the last is taken in part. Raises
        ``ConfigError`` for numbers that do not fit, and for lots too different to be sure of the best.
        """
        cdef size_t begin = 0 if only is None else only
        cdef size_t count = self.offers.size() if only is None else 1
        cdef Allocation found
        cdef Code code
        cdef size_t i
        if begin + count > self.offers.size() or quantity < 1:
            raise ConfigError("no such entry, or no quantity")
        with nogil:
            code = allocate(
                OfferSpan(self.offers.data() + begin, count), self.direction, quantity, max_used, found
            )
        if code == Code.out_of_range:
            raise ConfigError("price × quantity has too many digits in the units that the venues share")
        if code != Code.ok:
            raise ConfigError("the venues' lot sizes have too little in common to find the best split")
        return found.unfilled, [self.row(begin + i, found.taken[i]) for i in range(count)]

    cdef tuple row(self, size_t at, const Taken& taken):
        cdef const char* levels = <const char*> self.offers[at].levels.data()
        cdef object high = high_half(taken.value)
        return taken.quantity, (high << 64) | low_half(taken.value), taken.limit, levels[:taken.levels * sizeof(PriceLevel)]
