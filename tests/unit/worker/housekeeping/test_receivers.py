"""Concurrent calls per receiver."""

import pytest

from worker.housekeeping.receivers import Receivers


def test_each_host_has_its_own_places_and_nobody_waits() -> None:
    receivers = Receivers(most=2)
    with receivers.take_slot("a") as first, receivers.take_slot("a") as second, receivers.take_slot("b") as other:
        with receivers.take_slot("a") as third:
            assert (first, second, other, third) == (True, True, True, False)
        with receivers.take_slot("a") as still_full:
            assert not still_full
    with receivers.take_slot("a") as again:
        assert again


def test_a_call_that_fails_gives_its_place_back_and_hosts_are_forgotten() -> None:
    receivers = Receivers(most=1)
    with pytest.raises(OSError, match="refused"), receivers.take_slot("a"):
        raise OSError("refused")
    assert not receivers._in_hand
    with receivers.take_slot("a") as again:
        assert again
