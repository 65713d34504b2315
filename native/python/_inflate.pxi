# Gzip frames. Public face: tidewire._inflate.

cdef extern from "tidewire/inflate.hpp" namespace "tidewire" nogil:
    cdef cppclass CoreInflater "tidewire::Inflater":
        CoreInflater(size_t limit) except +
        Status inflate(Bytes frame, Bytes& text) except +


cdef extern from "<span>" nogil:
    const char* span_data "std::data"(const Bytes& text)
    size_t span_size "std::size"(const Bytes& text)


cdef dict _GZIP_MEANINGS = {
    <int> Code.syntax: "not gzip",
    <int> Code.truncated: "it is cut short",
    <int> Code.out_of_range: "it inflates beyond the limit",
    <int> Code.checksum: "its CRC32 or length is wrong",
}


cdef class Inflater:
    """Inflates gzip frames into one buffer, which is never larger than ``limit`` bytes.

    The buffer is its own, so that a view kept too long stops the next frame instead of showing it.
    """

    cdef unique_ptr[CoreInflater] core
    cdef Bytes text
    cdef Py_ssize_t size
    cdef int views

    def __init__(self, size_t limit):
        self.core = make_unique[CoreInflater](limit)

    def inflate(self, frame):
        """Return a view of a frame's text, valid until it is released or the next frame is inflated.

        Raises ``DecodeError`` for garbage and for more than ``limit`` bytes, ``BufferError`` while a view is in use.
        """
        cdef Py_buffer view
        cdef Status status
        if self.views:
            raise BufferError("the last frame is still in use: release its view first")
        PyObject_GetBuffer(frame, &view, PyBUF_SIMPLE)
        try:
            if view.len > GIL_RELEASED_ABOVE:
                with nogil:
                    status = self.core.get().inflate(Bytes(<const char*> view.buf, view.len), self.text)
            else:
                status = self.core.get().inflate(Bytes(<const char*> view.buf, view.len), self.text)
            if status.code != Code.ok:
                raise DecodeError(f"gzip frame: {_GZIP_MEANINGS[<int> status.code]}", offset=status.offset)
        finally:
            PyBuffer_Release(&view)
        self.size = span_size(self.text)
        return memoryview(self)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        cdef char* data = <char*> span_data(self.text)
        PyBuffer_FillInfo(buffer, self, data if data != NULL else <char*> b"", self.size, True, flags)
        self.views += 1

    def __releasebuffer__(self, Py_buffer* buffer):
        self.views -= 1
