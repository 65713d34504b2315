# Latencies. Public face: tidewire.latency.

cdef extern from "tidewire/histogram.hpp" namespace "tidewire" nogil:
    cdef cppclass CoreHistogram "tidewire::Histogram":
        void record(int64_t value)
        void add(const CoreHistogram& other)
        uint64_t count()
        uint64_t sum()
        uint64_t largest()
        uint64_t quantile(double q)


cdef class Histogram:
    """Counts of durations (nanoseconds) in fixed logarithmic buckets, each an eighth of an octave wide."""

    cdef CoreHistogram core

    def record(self, int64_t ns):
        """Count one duration; a negative one counts as zero."""
        self.core.record(ns)

    def add(self, Histogram other):
        """Count everything that another one has counted."""
        self.core.add(other.core)

    def quantile(self, double q):
        """Return the duration below which the share ``q`` of all lies, to within 12.5 %; 0 when there is none."""
        return self.core.quantile(q)

    @property
    def count(self):
        """How many durations."""
        return self.core.count()

    @property
    def total(self):
        """Their sum."""
        return self.core.sum()

    @property
    def largest(self):
        """The longest of them, exactly."""
        return self.core.largest()
