"""A beat that sends nothing is ended."""

from pathlib import Path

import pytest

from emoscope.settings import Settings
from worker.core.beat_watch import BeatWatch
from worker.core.stall import STALLED_AFTER_S


class Ended(BaseException):
    """The process would have ended here."""


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BeatWatch:
    def end(status: int) -> None:
        raise Ended(status)

    made = BeatWatch(Settings(_env_file=None, data_dir=tmp_path, redis_url="unix:///none.sock", sweep_interval_s=5))
    monkeypatch.setattr("os._exit", end)
    monkeypatch.setattr(made._queue, "count_messages", lambda _queues: 0)
    monkeypatch.setattr(made._queue, "can_write", lambda: True)
    now = [0.0]

    def tick() -> float:
        now[0] += 1
        return now[0]

    monkeypatch.setattr("time.monotonic", tick)
    return made


def look(watch: BeatWatch, seconds: int) -> int:
    """How many seconds it may go on."""
    for second in range(seconds):
        try:
            watch._look()
        except Ended:
            return second
    return seconds


def test_silence_longer_than_an_interval_and_a_margin_ends_it(watch: BeatWatch) -> None:
    watch._pulse.beat()
    assert look(watch, 60) == 5 + STALLED_AFTER_S
    assert watch._pulse.age_s is None


def test_each_message_begins_the_count_anew(watch: BeatWatch) -> None:
    assert look(watch, 20) == 20
    watch._count()
    assert look(watch, 20) == 20


@pytest.mark.parametrize("answer", [("count_messages", None), ("can_write", False)])
def test_a_queue_that_is_away_or_full_is_no_fault_of_beats(
    watch: BeatWatch, monkeypatch: pytest.MonkeyPatch, answer: tuple[str, object]
) -> None:
    monkeypatch.setattr(watch._queue, answer[0], lambda *_: answer[1])
    assert look(watch, 100) == 100
