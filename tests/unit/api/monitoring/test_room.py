"""Whether photos can be stored, asked of the store only as often as it must be."""

import pytest

from api.monitoring import room as module
from api.monitoring.room import Room
from db.core.blobs import BlobStoreUnavailable


class Store:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None

    def check_room(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error


def test_a_good_answer_of_a_remote_store_counts_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now, store = [100.0], Store()
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    room = Room(store, is_remote=True)  # type: ignore[arg-type]
    for seconds, asked in ((0, 1), (29, 1), (31, 2)):
        now[0] = 100.0 + seconds
        room.check()
        assert store.asked == asked


def test_a_folder_is_asked_each_time() -> None:
    store = Store()
    room = Room(store, is_remote=False)  # type: ignore[arg-type]
    room.check()
    room.check()
    assert store.asked == 2


def test_a_problem_is_looked_at_again_until_it_is_over() -> None:
    store = Store()
    room = Room(store, is_remote=True)  # type: ignore[arg-type]
    store.error = BlobStoreUnavailable("away")
    for _ in range(2):
        with pytest.raises(BlobStoreUnavailable):
            room.check()
    store.error = None
    room.check()
    assert store.asked == 3
