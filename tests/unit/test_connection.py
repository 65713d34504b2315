"""How long a connection waits before it comes back."""

from __future__ import annotations

from tidewire._connection import Patience


def test_pauses_double_up_to_a_cap_and_no_two_clients_wait_alike() -> None:
    patience = Patience(first_s=0.25, cap_s=30.0)
    for failures, longest in ((1, 0.25), (2, 0.5), (3, 1.0), (7, 16.0), (8, 30.0), (5000, 30.0)):
        pauses = [patience.pause(failures) for _ in range(500)]
        assert all(longest / 2 <= pause <= longest for pause in pauses)
        assert max(pauses) - min(pauses) > longest / 4, "spread, lest all come back at once"
