# Columns as an Arrow C stream in a PyCapsule.
# See: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdlib cimport free, malloc


cdef extern from "tidewire/arrow.hpp" nogil:
    cdef struct ArrowArrayStream:
        void (*release)(ArrowArrayStream*) noexcept


cdef extern from "tidewire/arrow.hpp" namespace "tidewire" nogil:
    cdef cppclass ArrowColumn:
        const char* name
        const char* format
        const void* data
        const void* validity
        int64_t null_count
        cpp_bool nullable

    void export_arrow_stream(const vector[ArrowColumn]& columns, int64_t rows, void* owner, void (*drop)(void*) noexcept,
                             ArrowArrayStream* out) except +


cdef void _drop_reference(void* owner) noexcept with gil:
    Py_DECREF(<object> owner)


cdef void _release_capsule(object capsule) noexcept:
    cdef ArrowArrayStream* stream = <ArrowArrayStream*> PyCapsule_GetPointer(capsule, "arrow_array_stream")
    if stream.release != NULL:  # else a consumer has moved the stream out
        stream.release(stream)
    free(stream)


cdef const void* _address(object buffer) except? NULL:
    cdef Py_buffer view
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    cdef const void* address = view.buf
    PyBuffer_Release(&view)  # arrays and bytes do not move, and the capsule keeps them
    return address


def arrow_stream(tuple columns not None, int64_t rows):
    """Return a PyCapsule holding an Arrow stream of one record batch over the memory of ``columns``.

    Each column is ``(name, format, data, validity, null_count, nullable)``: ASCII bytes twice, then contiguous byte buffers
    (``validity`` may be None: every row is valid). The capsule, and every array taken from it, keeps them alive.
    """
    cdef vector[ArrowColumn] described
    cdef ArrowColumn column
    for name, format, data, validity, null_count, nullable in columns:
        column.name = <bytes> name
        column.format = <bytes> format
        column.data = _address(data)
        column.validity = _address(validity) if validity is not None else NULL
        column.null_count = null_count
        column.nullable = nullable
        described.push_back(column)
    cdef ArrowArrayStream* stream = <ArrowArrayStream*> malloc(sizeof(ArrowArrayStream))
    if stream == NULL:
        raise MemoryError
    Py_INCREF(columns)
    try:
        export_arrow_stream(described, rows, <void*> columns, _drop_reference, stream)
    except BaseException:
        free(stream)
        raise
    return PyCapsule_New(stream, "arrow_array_stream", _release_capsule)
