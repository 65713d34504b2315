# Signer: one key, one algorithm, signature text out of one call.

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_Clear
from cython.operator cimport dereference
from libcpp cimport bool as cpp_bool
from libcpp.optional cimport optional
from libcpp.string_view cimport string_view

from tidewire.errors import ConfigError as _ConfigError

cdef extern from "Python.h":
    object PyUnicode_New(Py_ssize_t length, Py_UCS4 largest)
    void* PyUnicode_DATA(object text)
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) noexcept

cdef extern from "tidewire/cpu.hpp" nogil:
    cdef cppclass _Cpu "tidewire::Cpu":
        cpp_bool sha256
        cpp_bool avx2
    const _Cpu& _cpu "tidewire::cpu"()

cdef extern from "tidewire/signer.hpp" nogil:
    cdef enum _Algorithm "tidewire::Algorithm":
        pass
    optional[_Algorithm] _parse_algorithm "tidewire::parse_algorithm"(string_view name)
    cdef cppclass _Octets "tidewire::Octets":
        _Octets(const uint8_t* data, size_t size)
    cdef cppclass _Signer "tidewire::Signer":
        @staticmethod
        Status from_base64(_Algorithm algorithm, Bytes key, optional[_Signer]& signer)
        size_t tag_size() const
        size_t hex_size() const
        size_t base64_size() const
        void tag(_Octets message, uint8_t* out) const
        void hex(_Octets message, char* text) const
        void base64(_Octets message, char* text) const

cdef enum:
    _SIGN_WITH_GIL = 4096  # bytes; below this, signing takes less time than giving the GIL up and getting it back

cdef enum _Form:
    _TAG
    _HEX
    _BASE64


# The bytes of a str or bytes-like object, borrowed.
cdef struct _Borrowed:
    const char* data
    Py_ssize_t size
    bint held  # a buffer, in `view`
    Py_buffer view


cdef inline int _borrow(_Borrowed* borrowed, object source, str name) except -1:
    borrowed.held = False
    if isinstance(source, str):
        borrowed.data = PyUnicode_AsUTF8AndSize(source, &borrowed.size)
        if borrowed.data == NULL:
            _refuse_surrogates(name)
    elif isinstance(source, bytes):
        borrowed.data = PyBytes_AS_STRING(source)
        borrowed.size = PyBytes_GET_SIZE(source)
    elif PyObject_CheckBuffer(source):
        PyObject_GetBuffer(source, &borrowed.view, PyBUF_SIMPLE)
        borrowed.held = True
        borrowed.data = <const char*>borrowed.view.buf
        borrowed.size = borrowed.view.len
    else:
        raise TypeError(f"{name} must be str or bytes-like, not {type(source).__name__}")
    return 0


cdef inline void _give_back(_Borrowed* borrowed) noexcept:
    if borrowed.held:
        PyBuffer_Release(&borrowed.view)


cdef int _refuse_surrogates(str name) except -1:
    PyErr_Clear()  # Unicode's own error carries the whole text, which may be the secret
    raise _ConfigError(f"{name} holds lone surrogates, which have no UTF-8 form")


cdef inline void _write(const _Signer& core, _Form form, const _Borrowed* message, void* out) noexcept nogil:
    if form == _HEX:
        core.hex(_Octets(<const uint8_t*>message.data, message.size), <char*>out)
    elif form == _BASE64:
        core.base64(_Octets(<const uint8_t*>message.data, message.size), <char*>out)
    else:
        core.tag(_Octets(<const uint8_t*>message.data, message.size), <uint8_t*>out)


@cython.final
cdef class Signer:
    """Sign messages with HMAC.

    ``secret`` is text (taken as UTF-8) or bytes-like; with ``encoding="base64"`` it is strict base64 of the key, as Coinbase
    issues it. ``algorithm`` is ``"sha256"``, ``"sha384"`` or ``"sha512"``. Raises ``ConfigError`` for an empty secret, bad
    base64 or another algorithm, ``TypeError`` for other types. The secret is not kept: only the two hash states made from it,
    which are wiped when the signer dies. Immutable; any number of threads may share one. Not picklable.
    """

    cdef optional[_Signer] core
    cdef readonly str algorithm

    def __cinit__(self, secret, str algorithm not None="sha256", *, str encoding not None="utf-8"):
        cdef _Borrowed key, name
        _borrow(&name, algorithm, "algorithm")
        cdef optional[_Algorithm] chosen = _parse_algorithm(string_view(name.data, name.size))
        if not chosen.has_value():
            raise _ConfigError(f"no signing algorithm {algorithm!r}: one of sha256, sha384, sha512")
        if encoding not in ("utf-8", "base64"):
            raise _ConfigError(f"no secret encoding {encoding!r}: one of utf-8, base64")
        _borrow(&key, secret, "secret")
        try:
            self._take(dereference(chosen), &key, encoding == "base64")
        finally:
            _give_back(&key)
        self.algorithm = algorithm

    cdef int _take(self, _Algorithm algorithm, const _Borrowed* key, bint is_base64) except -1:
        if key.size == 0:
            raise _ConfigError("the secret is empty")
        if not is_base64:
            self.core.emplace(algorithm, _Octets(<const uint8_t*>key.data, key.size))
            return 0
        cdef Status status = _Signer.from_base64(algorithm, Bytes(key.data, key.size), self.core)
        if status.code != Code.ok:
            raise _ConfigError(f"the secret is not base64: wrong at character {status.offset} of {key.size}")
        return 0

    cdef int _sign(self, _Form form, object message, void* out) except -1:
        cdef _Borrowed borrowed
        _borrow(&borrowed, message, "message")
        if borrowed.size <= _SIGN_WITH_GIL:
            _write(dereference(self.core), form, &borrowed, out)
        else:
            with nogil:
                _write(dereference(self.core), form, &borrowed, out)
        _give_back(&borrowed)
        return 0

    def hex(self, message, /):
        """Return the signature of a str or bytes-like message as lower-case hexadecimal text."""
        text = PyUnicode_New(dereference(self.core).hex_size(), 127)
        self._sign(_HEX, message, PyUnicode_DATA(text))
        return text

    def base64(self, message, /):
        """Return the signature of a str or bytes-like message as base64 text."""
        text = PyUnicode_New(dereference(self.core).base64_size(), 127)
        self._sign(_BASE64, message, PyUnicode_DATA(text))
        return text

    def digest(self, message, /):
        """Return the signature of a str or bytes-like message as bytes."""
        tag = PyBytes_FromStringAndSize(NULL, dereference(self.core).tag_size())
        self._sign(_TAG, message, PyBytes_AS_STRING(tag))
        return tag

    def __repr__(self):
        return f"Signer(algorithm={self.algorithm!r})"

    def __reduce__(self):
        raise TypeError("a Signer is not picklable: make one where it is used")


def cpu_features():
    """Return the instruction sets in use beyond the portable ones: some of ``"sha256"`` and ``"avx2"``."""
    cdef list features = []
    if _cpu().sha256:
        features.append("sha256")
    if _cpu().avx2:
        features.append("avx2")
    return tuple(features)
