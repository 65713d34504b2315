# What order books are made of, and their layouts. Public face: tidewire.book.

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from libc.stdint cimport int32_t
from libcpp cimport bool as cpp_bool
from libcpp.memory cimport make_unique, unique_ptr
from libcpp.optional cimport optional
from libcpp.pair cimport pair
from libcpp.string cimport string
from libcpp.string_view cimport string_view
from libcpp.utility cimport move
from libcpp.vector cimport vector

from tidewire.errors import BookError, ChecksumMismatch, ConfigError, SequenceGap


cdef extern from "tidewire/book.hpp" namespace "tidewire" nogil:
    cdef cppclass Grid:
        @staticmethod
        Status make(Bytes text, Grid& out)
        string text(int64_t ticks)
        double value(int64_t ticks)

    cdef cppclass BookGrid:
        Grid price
        Grid quantity
        optional[Grid] shown

    cdef enum class Field(uint8_t):
        pass

    cdef enum class Rule(uint8_t):
        pass

    cdef cppclass Place:
        cpp_bool add(string_view path, Field field) except +

    cdef cppclass CoreBookLayout "tidewire::BookLayout":
        Place delta
        Place snapshot
        Rule rule
        cpp_bool resets
        int64_t time_unit
        size_t depth
        size_t checksum_depth
        vector[string] snapshot_words
        vector[string] delta_words
        vector[string] buy_words
        vector[string] sell_words

    cdef cppclass Ladder:
        size_t size()

    cdef cppclass BookSide:
        const Ladder& ladder()
        optional[int64_t] known()
        cpp_bool cut()
        cpp_bool spent()

    cdef enum class BookPhase "tidewire::Book::State"(uint8_t):
        pass

    cdef cppclass BookCounters "tidewire::Book::Counters":
        uint64_t updates
        uint64_t skipped
        uint64_t gaps
        uint64_t snapshots

    cdef cppclass CoreBook "tidewire::Book":
        CoreBook(const BookGrid& grid) except +
        Status apply(const CoreBookLayout& layout, Bytes text) except +
        Status apply_snapshot(const CoreBookLayout& layout, Bytes text, size_t limit) except +
        Status splice(const CoreBookLayout& layout, Bytes text) except +
        void copy(const CoreBook& other) except +
        optional[int32_t] checksum(const CoreBookLayout& layout) except +
        void mark_stale()
        void reset() except +
        void forget()
        BookPhase state()
        const BookGrid& grid()
        const BookSide& bids()
        const BookSide& asks()
        cpp_bool crossed()
        optional[int64_t] sequence()
        optional[int64_t] time_ns()
        int64_t expected()
        int64_t received()
        const BookCounters& counters()

    void write_values(const CoreBook& book, size_t count, double* out) except +
    cpp_bool write_ticks(const CoreBook& book, size_t count, int64_t* out) except +
    vector[pair[string, string]] level_texts(const CoreBook& book, cpp_bool bids, size_t count) except +


cdef enum:
    GIL_RELEASED_ABOVE = 4096  # bytes: below, letting go of the GIL costs more than it gives


cdef Grid _grid(str what, str text) except *:
    cdef bytes data = text.encode()
    cdef Grid grid
    cdef Status status = Grid.make(Bytes(data, len(data)), grid)
    if status.code != Code.ok:
        raise ConfigError(
            f"{what} {text!r} is no step: a positive decimal such as '0.01', at most 1e18, at most 18 decimals"
        )
    return grid


cdef class CompiledBookLayout:
    """A book layout as the parser wants it: ``places`` are (path, number of the field) pairs per message form."""

    cdef CoreBookLayout layout

    def __init__(self, *, delta, snapshot, int rule, cpp_bool resets, int64_t time_unit, size_t depth,
                 size_t checksum_depth, snapshot_words, delta_words, buy_words, sell_words):
        self._add(self.layout.delta, delta)
        self._add(self.layout.snapshot, snapshot)
        self.layout.rule = <Rule> rule
        self.layout.resets = resets
        self.layout.time_unit = time_unit
        self.layout.depth = depth
        self.layout.checksum_depth = checksum_depth
        self.layout.snapshot_words = [word.encode() for word in snapshot_words]
        self.layout.delta_words = [word.encode() for word in delta_words]
        self.layout.buy_words = [word.encode() for word in buy_words]
        self.layout.sell_words = [word.encode() for word in sell_words]

    cdef int _add(self, Place& root, places) except -1:
        cdef bytes data
        cdef int field
        for path, field in places:
            data = path.encode()
            if not root.add(string_view(<const char*> data, len(data)), <Field> field):
                raise ConfigError(f"book layout: {path!r} is no path, or disagrees with another one")
        return 0
