"""The journal records what was sent, whenever its process ended."""

from pathlib import Path
from uuid import uuid4

import pytest

from emoscope.cli.analysis.journal import Chunk, Journal, RunGoesOn, find_journal, find_state_dir, join_chunks

BATCH = uuid4()
FIRST, SECOND = Chunk(BATCH, 0, ("a.jpg", "ö\udcff.jpg")), Chunk(BATCH, 2, ("c.jpg",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "run.jsonl"


def write_two(path: Path) -> str:
    """A run that was killed while its second call was on its way."""
    with Journal(path) as journal:
        journal.begin_batch(BATCH)
        journal.begin_sending(FIRST)
        journal.end_sending()
        journal.begin_sending(SECOND)
        return journal.run_id


def test_what_was_sent_and_what_is_in_doubt_is_there_again(path: Path) -> None:
    run_id = write_two(path)
    with Journal(path) as journal:
        assert (journal.run_id, journal.is_resumed, journal.batches) == (run_id, True, [BATCH])
        assert (journal.sent, journal.doubtful) == ([FIRST], SECOND)
        journal.end_sending()
    with Journal(path) as journal:
        assert (journal.sent, journal.doubtful) == ([FIRST, SECOND], None)


def test_a_line_that_was_cut_off_does_not_count_and_is_not_in_the_way(path: Path) -> None:
    write_two(path)
    whole = path.read_bytes()
    for cut in range(1, 40):
        path.write_bytes(whole[:-cut])
        with Journal(path) as journal:
            assert (journal.sent, journal.doubtful) == ([FIRST], None)
            journal.begin_sending(SECOND)
        with Journal(path) as journal:
            assert journal.doubtful == SECOND


def test_a_call_that_is_made_anew_takes_the_place_of_the_one_in_doubt(path: Path) -> None:
    write_two(path)
    other = Chunk(BATCH, 2, ("d.jpg",))
    with Journal(path) as journal:
        journal.begin_sending(other)
        journal.end_sending()
    with Journal(path) as journal:
        assert journal.sent == [FIRST, other]


def test_two_processes_never_have_the_same_run(path: Path) -> None:
    with Journal(path), pytest.raises(RunGoesOn):
        Journal(path)
    Journal(path).__exit__()


def test_a_run_that_came_to_its_end_or_is_forgotten_begins_anew(path: Path) -> None:
    run_id = write_two(path)
    with Journal(path, is_fresh=True) as journal:
        assert (journal.is_resumed, journal.sent) == (False, [])
        assert journal.run_id != run_id
    run_id = write_two(path)
    with Journal(path) as journal:
        journal.forget()
        assert (journal.is_resumed, journal.run_id != run_id) == (False, True)
        journal.finish()
    assert not path.exists()


def test_the_file_is_for_its_user_alone(path: Path) -> None:
    write_two(path)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_runs_are_told_apart_by_what_they_do(tmp_path: Path) -> None:
    found = [find_journal(tmp_path, arguments=names, options={"keep": 1}) for names in (["a"], ["a", "b"], ["a"])]
    assert found[0] == found[2] != found[1]
    assert find_state_dir({"XDG_STATE_HOME": "/x"}) == Path("/x/emoscope/analyze")
    assert find_state_dir({}) == Path.home() / ".local/state/emoscope/analyze"


def test_neighbouring_calls_are_joined_up_to_a_size() -> None:
    chunks = [Chunk(BATCH, place, (str(place), str(place + 1))) for place in range(0, 10, 2)]
    other = Chunk(uuid4(), 10, ("x",))
    joined = list(join_chunks([*chunks, other], 4))
    assert [(chunk.first, len(chunk.names)) for chunk in joined] == [(0, 4), (4, 4), (8, 2), (10, 1)]
    assert [name for chunk in joined for name in chunk.names] == [*map(str, range(10)), "x"]
    assert list(join_chunks([], 4)) == []
