# One ladder out of several books. Public face: tidewire.universal.consolidated.


cdef extern from "tidewire/consolidated.hpp" namespace "tidewire" nogil:
    cdef cppclass CoreConsolidated "tidewire::Consolidated":
        @staticmethod
        cpp_bool is_fee(int64_t fee)
        void add() except +
        void place(size_t venue, const CoreBook* book)
        void charge(size_t venue, int64_t fee)
        size_t size()
        cpp_bool crossed()

    cdef cppclass ConsolidatedText:
        size_t venue
        string price
        string quantity

    void write_consolidated "tidewire::write_values"(CoreConsolidated& book, size_t count, double* out)
    vector[ConsolidatedText] consolidated_texts "tidewire::level_texts"(
        CoreConsolidated& book, cpp_bool bids, size_t count
    ) except +


cdef class ConsolidatedBook:
    """One ladder a side out of several books; what tidewire.universal.ConsolidatedBook is made of.

    A venue is known by its number. ``oldest_ns`` (UTC nanoseconds) leaves out books last received before.
    """

    cdef CoreConsolidated core
    cdef list books

    def __init__(self, size_t venues):
        self.books = []
        for _ in range(venues):
            self.core.add()
            self.books.append(None)

    cdef int look(self, oldest_ns) except -1:
        """Point at the books as they are now: one may have been replaced, or be too old."""
        cdef size_t venue
        cdef Book book
        for venue in range(self.core.size()):
            book = self.books[venue]
            if book is None or (oldest_ns is not None and (book.updated_ns is None or book.updated_ns < oldest_ns)):
                self.core.place(venue, NULL)
            else:
                self.core.place(venue, book.idle())
        return 0

    def place(self, size_t venue, Book book, int64_t fee):
        """Give a venue a book, or None, and what a taker pays there in 1e-8 of the price."""
        if venue >= self.core.size() or not CoreConsolidated.is_fee(fee):
            raise ConfigError(f"venue {venue} of {self.core.size()}, fee {fee}e-8: no such venue, or no such fee")
        self.books[venue] = book
        self.core.charge(venue, fee)

    def is_crossed(self, oldest_ns):
        """True when the best bid is not below the best ask, fees inside."""
        self.look(oldest_ns)
        return self.core.crossed()

    def consolidated_texts(self, bint bids, size_t count, oldest_ns):
        """(venue, its own price, quantity) of up to ``count`` levels of one side, best first; the numbers as text."""
        cdef ConsolidatedText level
        self.look(oldest_ns)
        return [
            (level.venue, level.price.decode(), level.quantity.decode())
            for level in consolidated_texts(self.core, bids, count)
        ]

    def best_values(self, oldest_ns):
        """(price, quantity, venue) of the best bid and then the best ask as floats, fees inside; NaN for no level."""
        cdef double[6] values
        self.look(oldest_ns)
        write_consolidated(self.core, 1, values)
        return values[0], values[1], values[2], values[3], values[4], values[5]

    def fill(self, out, n, oldest_ns):
        """Write (price, quantity, venue) of the best levels into a float64 buffer of shape (2, n, 3), any n when None."""
        cdef Py_buffer view
        self.look(oldest_ns)
        _borrow_levels(out, n, 3, "d", &view)
        write_consolidated(self.core, view.shape[1], <double*> view.buf)
        PyBuffer_Release(&view)
