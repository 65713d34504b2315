# Kline bodies into one block of columns, and columns out as an Arrow stream.

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libcpp cimport bool as cpp_bool
from libcpp.string cimport string as cpp_string
from libcpp.vector cimport vector


cdef extern from "<cstddef>" namespace "std" nogil:
    cdef cppclass byte:
        pass


cdef extern from "tidewire/kline.hpp" namespace "tidewire" nogil:
    cdef enum class TimeUnit(uint8_t):
        s
        ms
        us
        ns
        iso

    cdef enum class KlinePath(uint8_t):
        best
        portable
        general

    cdef enum class KlineOrder(uint8_t):
        ascending
        unordered

    size_t kline_fields

    cdef cppclass KlineLayout:
        KlineLayout()
        vector[cpp_string] envelope
        cpp_bool rows_are_objects
        int columns[9]
        cpp_string keys[9]
        TimeUnit time_unit

    cdef cppclass KlineColumns:
        KlineColumns(byte* block, size_t capacity)
        size_t rows
        size_t general_rows
        KlineOrder order

    size_t kline_row_bound(Bytes body, const KlineLayout& layout)
    size_t kline_block_size(size_t capacity)
    Status decode_klines(Bytes body, const KlineLayout& layout, KlineColumns& out, KlinePath path)


cdef dict _TIME_UNITS = {
    "s": <int> TimeUnit.s, "ms": <int> TimeUnit.ms, "us": <int> TimeUnit.us, "ns": <int> TimeUnit.ns, "iso": <int> TimeUnit.iso
}
cdef dict _PATHS = {
    "best": <int> KlinePath.best, "portable": <int> KlinePath.portable, "general": <int> KlinePath.general
}

cdef enum:
    RELEASE_GIL_FROM = 4096  # bytes; below, handing the GIL over costs more than decoding


cdef class KlineDecoder:
    """Decode kline bodies of one layout. Immutable, usable from any thread.

    ``fields`` gives, for open_time, open, high, low, close, volume, quote_volume, trades and closed in this order, a column
    index, or a key, or None; ``envelope`` the keys that lead to the rows; ``time_unit`` one of ``s ms us ns iso``.
    """

    cdef KlineLayout layout

    def __init__(self, tuple fields not None, tuple envelope not None, str time_unit not None):
        cdef size_t i
        self.layout = KlineLayout()
        if <size_t> len(fields) != kline_fields:
            raise ValueError(f"expected {kline_fields} fields, not {len(fields)}")
        for key in envelope:
            self.layout.envelope.push_back((<str> key).encode())
        for i in range(kline_fields):
            field = fields[i]
            self.layout.columns[i] = field if isinstance(field, int) else -1
            if isinstance(field, str):
                self.layout.rows_are_objects = True
                self.layout.keys[i] = (<str> field).encode()
        self.layout.time_unit = <TimeUnit> <int> _TIME_UNITS[time_unit]

    def decode(self, body not None, str path not None="best"):
        """Decode a bytes-like body into ``(block, capacity, rows, ascending, general_rows)``.

        ``block`` is bytes: nine columns of ``capacity`` × 8 bytes, of which the first ``rows`` items are set. Raises
        ``DecodeError``. ``path`` forces the ``portable`` or ``general`` code, for tests.
        """
        cdef Py_buffer view
        cdef int chosen = _PATHS[path]
        PyObject_GetBuffer(body, &view, PyBUF_SIMPLE)
        try:
            return self._decode(<const char*> view.buf, <size_t> view.len, <KlinePath> chosen)
        finally:
            PyBuffer_Release(&view)

    cdef tuple _decode(self, const char* data, size_t size, KlinePath path):
        cdef Bytes body = Bytes(data, size)
        cdef size_t capacity = kline_row_bound(body, self.layout)
        cdef bytes block = PyBytes_FromStringAndSize(NULL, kline_block_size(capacity))
        cdef KlineColumns* columns = new KlineColumns(<byte*> PyBytes_AS_STRING(block), capacity)
        cdef Status status
        try:
            if size < RELEASE_GIL_FROM:
                status = decode_klines(body, self.layout, columns[0], path)
            else:
                with nogil:
                    status = decode_klines(body, self.layout, columns[0], path)
            if status.code != Code.ok:
                raise decode_error("klines", status, data, size)
            return block, capacity, columns.rows, columns.order == KlineOrder.ascending, columns.general_rows
        finally:
            del columns


include "_arrow.pxi"
