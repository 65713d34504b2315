# Statuses of the core as the typed errors that users catch. Included first: the other parts use Code, Status, Bytes and
# decode_error.

from libc.stdint cimport int64_t, uint8_t, uint64_t

from tidewire.errors import DecodeError


cdef extern from "tidewire/status.hpp" namespace "tidewire" nogil:
    cdef enum class Code(uint8_t):
        ok
        syntax
        truncated
        missing_field
        wrong_type
        bad_number
        out_of_range
        off_grid
        too_deep
        sequence_gap
        stale
        no_snapshot
        checksum

    cdef cppclass Status:
        Code code
        size_t offset

    cdef cppclass Bytes:
        Bytes()
        Bytes(const char* data, size_t size)


cdef dict _MEANINGS = {
    <int> Code.syntax: "not JSON",
    <int> Code.truncated: "the text ends inside a value",
    <int> Code.missing_field: "a field that the layout names is missing",
    <int> Code.wrong_type: "a value has another type than the layout says",
    <int> Code.bad_number: "not a decimal number",
    <int> Code.out_of_range: "a number does not fit",
    <int> Code.off_grid: "a price or quantity is no multiple of the tick or lot size",
    <int> Code.too_deep: "nested more than 512 levels deep",
}

cdef enum:
    EXCERPT_BEFORE = 24
    EXCERPT = 80


cdef object decode_error(str what, Status status, const char* data, size_t size):
    """The DecodeError for a status that is not ok; ``what`` names the thing that was decoded."""
    cdef size_t begin = status.offset - EXCERPT_BEFORE if status.offset > EXCERPT_BEFORE else 0
    cdef size_t end = begin + EXCERPT if size - begin > EXCERPT else size
    return DecodeError(
        f"{what}: {_MEANINGS[<int> status.code]}", offset=status.offset, excerpt=data[begin:end]
    )
