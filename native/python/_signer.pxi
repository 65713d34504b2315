# Signer: one key, one algorithm, signature text out of one call.

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t
from libcpp cimport bool as cpp_bool
from libcpp.optional cimport optional
from libcpp.string_view cimport string_view

from tidewire.errors import ConfigError as _ConfigError

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t length, Py_UCS4 largest)
    void* PyUnicode_DATA(object text)
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    object PyBytes_FromStringAndSize(const char* from_, Py_ssize_t size)
    char* PyBytes_AS_STRING(object text)
    Py_ssize_t PyBytes_GET_SIZE(object text)

cdef extern from "tidewire/cpu.hpp" namespace "tidewire" nogil:
    cdef struct _Cpu "tidewire::Cpu":
        cpp_bool sha256
        cpp_bool avx2
    const _Cpu& _cpu "tidewire::cpu"()

cdef extern from "tidewire/signer.hpp" namespace "tidewire" nogil:
    cdef enum class _Algorithm "tidewire::Algorithm":
        sha256
    optional[_Algorithm] _parse_algorithm "tidewire::parse_algorithm"(string_view name)
    cdef cppclass _Octets "tidewire::Octets":
        _Octets()
        _Octets(const uint8_t* data, size_t size)
    cdef cppclass _Bytes "tidewire::Bytes":
        _Bytes(const char* data, size_t size)
    cdef cppclass _Status "tidewire::Status":
        size_t offset
        cpp_bool ok() const
    cdef cppclass _Signer "tidewire::Signer":
        _Signer(_Algorithm algorithm, _Octets key)
        @staticmethod
        _Status from_base64(_Algorithm algorithm, _Bytes key, optional[_Signer]& signer)
        size_t tag_size() const
        size_t hex_size() const
        size_t base64_size() const
        void tag(_Octets message, uint8_t* out) const
        void hex(_Octets message, char* text) const
        void base64(_Octets message, char* text) const

# Below this size signing takes less time than giving the GIL up and getting it back.
cdef enum:
    _SIGN_WITHOUT_GIL = 4096
