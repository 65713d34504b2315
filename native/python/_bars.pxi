# Ticks into bars. Columns in, columns out.

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport int64_t


cdef extern from "<span>" namespace "std" nogil:
    cdef cppclass BarSlots "std::span<const tidewire::BarSlot>":
        BarSlots(const BarSlot* data, size_t size)


cdef extern from "tidewire/bars.hpp" namespace "tidewire" nogil:
    cdef cppclass BarSlot:
        int64_t start "from"
        int64_t to
        int64_t bar
        int64_t day

    cdef cppclass TickColumns:
        size_t rows
        const int64_t* time
        const double* price
        const int64_t* volume
        const double* turnover
        const double* open_interest

    cdef cppclass Bar:
        int64_t bar
        double open, high, low, close
        int64_t volume
        double turnover
        double open_interest
        int64_t ticks

    cdef cppclass BarCounters:
        uint64_t outside, late, shrinking, unpriced
        int64_t missed_volume

    cdef cppclass CoreBarBuilder "tidewire::BarBuilder":
        CoreBarBuilder(cpp_bool flat)
        cpp_bool extend(BarSlots slots, int64_t horizon)
        size_t add(const TickColumns& ticks, vector[Bar]& out)
        void advance(int64_t now, vector[Bar]& out)
        void finish(vector[Bar]& out)
        const BarCounters& counters() const


cdef class BarKernel:
    """Builds bars from snapshots with running totals. For one thread at a time.

    Bars come as a buffer: rows of bar, open, high, low, close, volume, turnover, open_interest, ticks, 8 bytes each.
    """

    cdef CoreBarBuilder* builder

    def __cinit__(self, *, bint flat):
        self.builder = new CoreBarBuilder(flat)

    def __dealloc__(self):
        del self.builder

    def extend(self, const int64_t[:, ::1] slots not None, int64_t horizon):
        """Append slots: rows of from, to, bar, day, all there are before ``horizon``.

        Raises ``ValueError`` unless they follow those there.
        """
        cdef vector[BarSlot] own
        cdef BarSlot slot
        cdef Py_ssize_t i
        if slots.shape[1] != 4:
            raise ValueError(f"a slot is from, to, bar and day, not {slots.shape[1]} numbers")
        for i in range(slots.shape[0]):
            slot.start, slot.to, slot.bar, slot.day = slots[i, 0], slots[i, 1], slots[i, 2], slots[i, 3]
            own.push_back(slot)
        if not self.builder.extend(BarSlots(own.data(), own.size()), horizon):
            raise ValueError("slots must ascend and not overlap")

    def add(
        self,
        const int64_t[::1] time not None,
        const double[::1] price not None,
        const int64_t[::1] volume not None,
        const double[::1] turnover not None,
        const double[::1] open_interest not None,
    ):
        """Take snapshots before the horizon; return how many, and the bars that they ended.

        Raises ``ValueError`` for columns of uneven length.
        """
        cdef TickColumns ticks
        cdef vector[Bar] out
        cdef Py_ssize_t rows = time.shape[0]
        if not rows == price.shape[0] == volume.shape[0] == turnover.shape[0] == open_interest.shape[0]:
            raise ValueError("the columns of the ticks have different lengths")
        if rows == 0:
            return 0, b""
        ticks.rows = rows
        ticks.time, ticks.price, ticks.volume = &time[0], &price[0], &volume[0]
        ticks.turnover, ticks.open_interest = &turnover[0], &open_interest[0]
        with nogil:
            ticks.rows = self.builder.add(ticks, out)
        return ticks.rows, bars_of(out)

    def advance(self, int64_t now):
        """End every bar that is over at ``now``; return them."""
        cdef vector[Bar] out
        self.builder.advance(now, out)
        return bars_of(out)

    def finish(self):
        """End the bar in the making; return it, if there is one."""
        cdef vector[Bar] out
        self.builder.finish(out)
        return bars_of(out)

    @property
    def counters(self):
        """Snapshots outside, late, shrinking and unpriced so far, and the volume missed before the first."""
        cdef BarCounters counters = self.builder.counters()
        return counters.outside, counters.late, counters.shrinking, counters.unpriced, counters.missed_volume


cdef class BarRows:
    """Bars as a read-only buffer of bytes; a history's would be too much to copy."""

    cdef vector[Bar] bars

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(view, self, <void*> self.bars.data(), self.bars.size() * sizeof(Bar), 1, flags)


cdef object bars_of(vector[Bar]& bars):
    cdef BarRows rows = BarRows.__new__(BarRows)
    rows.bars.swap(bars)
    return memoryview(rows)
