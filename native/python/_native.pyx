# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=True
# distutils: language=c++
"""The compiled core. Owns lifetimes, releases the GIL, turns statuses into exceptions; computes nothing itself."""

include "_errors.pxi"
include "_signer.pxi"
include "_klines.pxi"
include "_histogram.pxi"
include "_book_layout.pxi"
include "_book.pxi"
include "_allocation.pxi"
include "_arbitrage.pxi"
include "_consolidated.pxi"
include "_bars.pxi"
include "_dat.pxi"
include "_inflate.pxi"
