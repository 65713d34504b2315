# Files of bars in fixed-size records.

cdef extern from "tidewire/dat.hpp" namespace "tidewire" nogil:
    cdef cppclass DatLayout:
        size_t record
        int open, high, low, close, volume, open_interest, settlement

    cdef cppclass DatColumns:
        int64_t* time
        double* open
        double* high
        double* low
        double* close
        double* volume
        double* open_interest
        double* settlement

    size_t core_count_sound "tidewire::count_sound"(Bytes body, const DatLayout& layout)
    size_t core_read_dat "tidewire::read_dat"(
        Bytes body, const DatLayout& layout, int64_t tick, int decimals, const DatColumns& out
    )


cdef DatLayout dat_layout(size_t record, tuple offsets) except *:
    cdef DatLayout layout
    if len(offsets) != 7 or any(offset + 4 > <object> record for offset in offsets) or record < 4:
        raise ValueError(f"seven offsets within a record of {record} bytes, not {offsets}")
    layout.record = record
    layout.open, layout.high, layout.low, layout.close = offsets[:4]
    layout.volume, layout.open_interest, layout.settlement = offsets[4:]
    return layout


def count_sound(const unsigned char[::1] body not None, size_t record, tuple offsets not None):
    """Count the sound records; ``offsets`` of open, high, low, close, volume, open_interest and settlement, -1 for none."""
    cdef DatLayout layout = dat_layout(record, offsets)
    cdef size_t sound = 0
    if body.shape[0]:
        with nogil:
            sound = core_count_sound(Bytes(<const char*> &body[0], body.shape[0]), layout)
    return sound


def read_dat(
    const unsigned char[::1] body not None,
    size_t record,
    tuple offsets not None,
    int64_t tick,
    int decimals,
    int64_t[::1] time not None,
    double[:, ::1] columns not None,
):
    """Read sound records from the first on into ``time`` (seconds) and seven columns; return how many there were.

    Raises ``ValueError`` for a layout that does not fit its record, and for columns too short.
    """
    cdef DatLayout layout = dat_layout(record, offsets)
    cdef DatColumns out
    cdef size_t rows = <size_t> body.shape[0] // record
    if columns.shape[0] != 7 or <size_t> columns.shape[1] < rows or <size_t> time.shape[0] < rows:
        raise ValueError(f"seven columns of {rows} rows are needed")
    if rows == 0:
        return 0
    out.time = &time[0]
    out.open, out.high, out.low, out.close = &columns[0, 0], &columns[1, 0], &columns[2, 0], &columns[3, 0]
    out.volume, out.open_interest, out.settlement = &columns[4, 0], &columns[5, 0], &columns[6, 0]
    with nogil:
        rows = core_read_dat(Bytes(<const char*> &body[0], body.shape[0]), layout, tick, decimals, out)
    return rows
