"""Ladders: the standard library, the best library, tidewire, on the same bytes and with equal results.

One group is one piece of work (``@pytest.mark.benchmark(group="…")``); the parameter's id names the rung, and ours is
called ``tidewire``. Each test asserts that its rung gives the reference's result before it times anything.
``report.py`` makes the table of it.
"""
