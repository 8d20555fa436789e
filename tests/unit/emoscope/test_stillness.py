"""Measuring how long something hasn't changed."""

from emoscope.stillness import Stillness


def test_seconds_are_counted_from_the_last_change() -> None:
    stillness = Stillness()
    assert [stillness.look(value, now) for value, now in ((1, 10.0), (1, 12.0), (1, 13.5), (2, 14.0), (2, 15.0))] == [
        0, 2, 3.5, 0, 1,
    ]  # fmt: skip


def test_an_observer_that_slept_itself_counts_little_of_it() -> None:
    stillness = Stillness()
    stillness.look(1, 0.0)
    assert stillness.look(1, 3600.0) == 5


def test_after_a_reset_the_next_look_is_the_first() -> None:
    stillness = Stillness()
    stillness.look(1, 0.0)
    stillness.look(1, 4.0)
    stillness.reset()
    assert stillness.seconds == 0
    assert [stillness.look(1, 5.0), stillness.look(1, 6.0)] == [0, 1]
