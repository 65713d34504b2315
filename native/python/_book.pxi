# Order books. Public face: tidewire.book.

cdef enum Reading:
    DELTA
    SNAPSHOT
    SPLICE


cdef inline Status _read(
    CoreBook* book, const CoreBookLayout* layout, Bytes text, Reading how, size_t limit
) except * nogil:
    if how == DELTA:
        return book.apply(layout[0], text)
    if how == SNAPSHOT:
        return book.apply_snapshot(layout[0], text, limit)
    return book.splice(layout[0], text)


cdef class Book:
    """State and levels of one order book; what tidewire.OrderBook is made of."""

    cdef unique_ptr[CoreBook] book
    cdef readonly object layout
    cdef CompiledBookLayout compiled
    cdef bint busy
    cdef readonly object updated_ns
    cdef public Histogram lag

    def __init__(self, str tick_size, str lot_size, str shown):
        cdef BookGrid grid
        grid.price = _grid("tick_size", tick_size)
        grid.quantity = _grid("lot_size", lot_size)
        grid.shown = _grid("lot_size", shown)
        self.book = make_unique[CoreBook](grid)

    cdef CoreBook* idle(self) except NULL:
        if self.busy or not self.book:
            raise BookError("the book is being written by another thread: one thread at a time may use it")
        return self.book.get()

    cdef int adopt(self, layout) except -1:
        cdef CompiledBookLayout compiled = layout.compiled()
        self.idle().forget()
        self.compiled = compiled
        self.layout = layout
        return 0

    cdef Status read(self, CoreBook* book, Bytes text, size_t size, Reading how, size_t limit) except *:
        cdef const CoreBookLayout* layout = &self.compiled.layout
        cdef Status status
        self.busy = True
        try:
            if size > GIL_RELEASED_ABOVE:
                with nogil:
                    status = _read(book, layout, text, how, limit)
            else:
                status = _read(book, layout, text, how, limit)
        finally:
            self.busy = False
        return status

    cdef int note_lag(self, int64_t received_ns) except -1:
        cdef optional[int64_t] sent_ns = self.book.get().time_ns()
        if sent_ns.has_value():
            self.lag.core.record(received_ns - sent_ns.value())
        return 0

    cdef object settle(self, Status status, Reading how, const char* data, size_t size, received_ns):
        """True: applied. False: contained already. None: cannot be spliced yet. Anything else is raised."""
        if status.code == Code.ok:
            if received_ns is not None:
                self.updated_ns = received_ns
                if self.lag is not None:
                    self.note_lag(received_ns)
            return True
        if status.code == Code.stale:
            return False
        if how == SPLICE and (status.code == Code.sequence_gap or status.code == Code.no_snapshot):
            return None
        cdef CoreBook* book = self.book.get()
        if status.code == Code.sequence_gap:
            raise SequenceGap(
                f"sequence gap: expected {book.expected()}, received {book.received()}; "
                "the book is STALE until a snapshot",
                expected=book.expected(), received=book.received(),
            )
        if status.code == Code.no_snapshot:
            raise BookError(f"an update, but the book is {_STATES[<int> book.state()]}: apply a snapshot first")
        if status.code == Code.checksum:
            raise ChecksumMismatch(
                f"the venue's CRC32 is {book.expected()}, the book's {book.received()}; "
                "the book is STALE until a snapshot"
            )
        raise decode_error("book message", status, data, size)

    cdef object read_any(self, text, layout, received_ns, Reading how, size_t limit):
        cdef Py_buffer view
        cdef const char* data
        cdef size_t size
        if layout is not self.layout:
            self.adopt(layout)
        if PyBytes_CheckExact(text):
            data = PyBytes_AS_STRING(text)
            size = PyBytes_GET_SIZE(text)
            return self.settle(
                self.read(self.idle(), Bytes(data, size), size, how, limit), how, data, size, received_ns
            )
        PyObject_GetBuffer(text, &view, PyBUF_SIMPLE)
        try:
            data = <const char*> view.buf
            size = view.len
            return self.settle(
                self.read(self.idle(), Bytes(data, size), size, how, limit), how, data, size, received_ns
            )
        finally:
            PyBuffer_Release(&view)

    def apply(self, frame, layout, received_ns=None):
        """Apply a delta, or a snapshot that calls itself one. Return False if the book contains it already.

        ``received_ns`` (UTC nanoseconds), when given, becomes ``updated_ns`` if the message is applied.

        Raises ``SequenceGap`` when a message is missing (the book is then STALE), ``BookError`` for a delta while the
        book is not LIVE, ``ChecksumMismatch`` when the venue's CRC32 differs (STALE), ``DecodeError`` for a malformed
        message.
        """
        return self.read_any(frame, layout, received_ns, DELTA, 0)

    def apply_snapshot(self, body, layout, received_ns=None, *, limit=None):
        """Replace the book by a message of the layout's snapshot form, such as a REST answer. The book is then LIVE.

        ``limit``: how many levels a side were asked for. A side that has so many was cut there: worse levels cannot be
        known from then on, and are not kept. Without it all levels are kept, and ``valid_bid`` and ``valid_ask`` tell.

        Raises ``DecodeError`` for a malformed message, which leaves the book as it was.
        """
        self.read_any(body, layout, received_ns, SNAPSHOT, limit or 0)

    def splice(self, frame, layout, received_ns=None):
        """Apply the first message of another connection to a venue that numbers alike on all of them.

        Return True if it was applied, False if the book contains it already: either way what follows on that
        connection continues the book by ``apply``. Return None while the book has not come so far, or where that cannot
        be told: the book is not LIVE, or its messages have no numbers. Raises ``DecodeError`` for a malformed message.
        """
        return self.read_any(frame, layout, received_ns, SPLICE, 0)

    def copy_from(self, Book other):
        """Take over all levels, the state and the sequence of another book. Counters and steps stay one's own."""
        self.idle().copy(other.idle()[0])
        self.updated_ns = other.updated_ns

    def checksum(self, layout):
        """Compute the signed CRC32 of the best ``layout.checksum_depth`` levels a side, over the venue's own text.

        Levels alternate, bid first, as ``price:quantity`` joined by ``:``. Raises ``BookError`` unless every message
        since the last snapshot came with a layout that has a ``checksum_depth``.

        See: https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel
        """
        if layout is not self.layout:
            self.adopt(layout)
        cdef optional[int32_t] crc = self.idle().checksum(self.compiled.layout)
        if not crc.has_value():
            raise BookError(
                "no checksum: the layout states no checksum_depth, "
                "or not every message since the snapshot came in such a layout"
            )
        return crc.value()

    def mark_stale(self):
        """Make a LIVE book STALE: its source is lost. A snapshot makes it LIVE again."""
        self.idle().mark_stale()

    def reset(self):
        """Empty the book and make it SYNCING. Counters stay."""
        self.idle().reset()
        self.updated_ns = None

    @property
    def state(self):
        """Name of the state."""
        return _STATES[<int> self.idle().state()]

    @property
    def sequence(self):
        """The venue's number of the last message applied, or None."""
        return _maybe(self.idle().sequence())

    @property
    def time_ns(self):
        """The venue's own time of the last message (UTC nanoseconds), or None where it gives none."""
        return _maybe(self.idle().time_ns())

    @property
    def bids_cut(self):
        """True when bids below ``valid_bid`` exist that cannot be known."""
        return self.idle().bids().cut()

    @property
    def asks_cut(self):
        """True when asks above ``valid_ask`` exist that cannot be known."""
        return self.idle().asks().cut()

    @property
    def crossed(self):
        """True when the best bid is not below the best ask."""
        return self.idle().crossed()

    @property
    def suspect(self):
        """True when it is crossed, or a side is empty although the venue has levels beyond what is known."""
        cdef CoreBook* book = self.idle()
        return book.crossed() or book.bids().spent() or book.asks().spent()

    @property
    def updates(self):
        """Deltas applied."""
        return self.idle().counters().updates

    @property
    def skipped(self):
        """Deltas that the book contained already."""
        return self.idle().counters().skipped

    @property
    def gaps(self):
        """Deltas that did not follow."""
        return self.idle().counters().gaps

    @property
    def snapshots(self):
        """Snapshots applied."""
        return self.idle().counters().snapshots

    @property
    def bid_count(self):
        """Number of bid levels."""
        return self.idle().bids().ladder().size()

    @property
    def ask_count(self):
        """Number of ask levels."""
        return self.idle().asks().ladder().size()

    @property
    def top(self):
        """(bid price, bid quantity, ask price, ask quantity) as the nearest floats; NaN where there is no level."""
        cdef double values[4]
        write_values(self.idle()[0], 1, values)
        return values[0], values[1], values[2], values[3]

    def known_texts(self):
        """Texts of the worst bid and ask of the last snapshot, or None."""
        cdef CoreBook* book = self.idle()
        cdef optional[int64_t] bid = book.bids().known()
        cdef optional[int64_t] ask = book.asks().known()
        return (
            book.grid().price.text(bid.value()).decode() if bid.has_value() else None,
            book.grid().price.text(-ask.value()).decode() if ask.has_value() else None,
        )

    def step_texts(self):
        """Texts of the steps of price and quantity."""
        cdef CoreBook* book = self.idle()
        return book.grid().price.text(1).decode(), book.grid().quantity.text(1).decode()

    def level_texts(self, bint bids, size_t count):
        """(price, quantity) texts of up to ``count`` levels, best first."""
        cdef pair[string, string] level
        return [(level.first.decode(), level.second.decode()) for level in level_texts(self.idle()[0], bids, count)]

    def fill(self, out, n, str format):
        """Write the best levels into a buffer of shape (2, n, 2), any n when None: "d" values, "l" ticks."""
        cdef Py_buffer view
        cdef CoreBook* book = self.idle()
        _borrow_levels(out, n, 2, format, &view)
        try:
            if format == "d":
                write_values(book[0], view.shape[1], <double*> view.buf)
            elif not write_ticks(book[0], view.shape[1], <int64_t*> view.buf):
                raise BookError(
                    "a quantity among these levels is no whole number of lots: give a finer lot_size, or ask for arrays"
                )
        finally:
            PyBuffer_Release(&view)


cdef int _borrow_levels(out, n, Py_ssize_t width, str format, Py_buffer* view) except -1:
    """Get the buffer of an array of shape (2, n, width), any n when None, of float64 ("d") or int64 ("l")."""
    try:
        PyObject_GetBuffer(out, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)
    except (BufferError, ValueError) as error:
        raise ConfigError(f"out must be a writable C-contiguous array: {error}") from None
    try:
        if view.ndim != 3 or view.shape[0] != 2 or view.shape[2] != width or (n is not None and view.shape[1] != n):
            raise ConfigError(f"out must have shape (2, {'any' if n is None else n}, {width})")
        if view.itemsize != 8 or view.format[0] != ord(format) or view.format[1] != 0:
            raise ConfigError(f"out must have dtype {'float64' if format == 'd' else 'int64'}")
    except ConfigError:
        PyBuffer_Release(view)
        raise
    return 0


cdef tuple _STATES = ("SYNCING", "LIVE", "STALE")


cdef object _maybe(optional[int64_t] value):
    return value.value() if value.has_value() else None
