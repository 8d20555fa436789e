"""A run over many photos ends with one job for each, wherever it is interrupted."""

import contextlib
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from emoscope.cli.analysis import run as run_module
from emoscope.cli.analysis.journal import Journal
from emoscope.cli.analysis.reading import Outcome, PhotoError
from emoscope.cli.analysis.run import BatchRun
from emoscope_client import Client, Job, Retries, ServiceUnreachable
from tests.support.factories.photos import make_photo
from tests.support.live_api import LiveApi

COUNT = 20
"""Photos: two calls, of 8 and 12."""


class Killed(BaseException):
    """What kill -9 is to a process: nothing of it runs any more."""


class KilledTransport(httpx.HTTPTransport):
    """Ends the process at its n-th request: before it is sent, or when it was answered."""

    def __init__(self, requests: int, *, is_answered: bool) -> None:
        super().__init__()
        self.left, self.is_answered = requests, is_answered

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.left -= 1
        if not self.left and not self.is_answered:
            raise Killed
        response = super().handle_request(request)
        if not self.left:
            response.close()
            raise Killed
        return response


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    paths = [tmp_path / f"{number:02}.png" for number in range(COUNT)]
    for number, path in enumerate(paths):
        path.write_bytes(make_photo("PNG", colour=f"rgb({number}, 0, 0)"))
    return [str(path) for path in paths]


def run(
    api: LiveApi, journal: Path, names: list[str], transport: httpx.BaseTransport | None = None
) -> dict[str, Outcome]:
    """Run until its end. Returns the outcomes; a name that comes twice is an error."""
    with httpx.Client(transport=transport) as http, Client(api.url, api.api_key, http_client=http) as client:
        return run_with(client, journal, names)


def run_with(client: Client, path: Path, names: list[str], **more: Any) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    with Journal(path) as journal:
        for name, outcome in BatchRun(client, journal, {}, **more).analyze(names):
            assert name not in outcomes
            outcomes[name] = outcome
    return outcomes


def count_jobs(api: LiveApi) -> Counter[str | None]:
    """How many jobs each photo has, by file name."""
    with api.open_client() as client:
        return Counter(job.photo.filename for job in client.list_jobs())


def expect_whole(api: LiveApi, names: list[str], outcomes: dict[str, Outcome]) -> None:
    assert list(outcomes) == names
    assert {outcome.status if isinstance(outcome, Job) else outcome for outcome in outcomes.values()} == {"succeeded"}
    for name, outcome in outcomes.items():
        assert isinstance(outcome, Job)
        assert outcome.photo.filename == Path(name).name
    assert count_jobs(api) == {Path(name).name: 1 for name in names}


def test_results_come_in_the_order_of_the_photos_and_the_journal_goes(
    live_api: LiveApi, tmp_path: Path, photos: list[str]
) -> None:
    expect_whole(live_api, photos, run(live_api, tmp_path / "journal", photos))
    assert not (tmp_path / "journal").exists()
    assert live_api.count("POST /v1/batches/") == 3  # two calls and the close
    with live_api.open_client() as client:
        [batch] = client.list_batches()
        assert (batch.is_done, batch.counts.total) == (True, COUNT)


@pytest.mark.parametrize("is_answered", [False, True], ids=["unsent", "answered"])
@pytest.mark.parametrize("requests", [1, 2, 3, 4, 6])
def test_a_killed_run_goes_on_and_analyses_no_photo_twice(
    live_api: LiveApi, tmp_path: Path, photos: list[str], requests: int, *, is_answered: bool
) -> None:
    outcomes: dict[str, Outcome] = {}
    with pytest.raises(Killed):
        run(live_api, tmp_path / "journal", photos, KilledTransport(requests, is_answered=is_answered))
    with contextlib.suppress(Killed):  # the second may have fewer requests to make than the first had
        outcomes = run(live_api, tmp_path / "journal", photos, KilledTransport(requests, is_answered=is_answered))
    expect_whole(live_api, photos, outcomes or run(live_api, tmp_path / "journal", photos))


def test_a_call_that_arrives_after_the_next_process_has_looked_makes_no_second_job(
    live_api: LiveApi, tmp_path: Path, photos: list[str]
) -> None:
    with pytest.raises(Killed):
        run(live_api, tmp_path / "journal", photos, KilledTransport(2, is_answered=False))
    with Journal(tmp_path / "journal") as journal, live_api.open_client() as client:
        late = journal.doubtful
        assert late is not None
        key = f"{journal.run_id}-{late.batch_id}-0"

        def arrive(asked: str) -> None:
            if asked.endswith("/photos") and asked.startswith("POST"):
                live_api.before = lambda _: None
                client.add_batch_photos(late.batch_id, late.names, idempotency_key=key, priority="bulk")

        live_api.before = arrive
        journal.__exit__()
        expect_whole(live_api, photos, run(live_api, tmp_path / "journal", photos))


def test_photos_that_came_meanwhile_are_sent_and_those_that_went_keep_their_results(
    live_api: LiveApi, tmp_path: Path, photos: list[str]
) -> None:
    with pytest.raises(Killed):
        run(live_api, tmp_path / "journal", photos[:-1], KilledTransport(5, is_answered=True))
    Path(photos[3]).unlink()
    later = [name for name in photos if name != photos[3]]
    assert set(run(live_api, tmp_path / "journal", later)) == set(photos)
    assert count_jobs(live_api) == {Path(name).name: 1 for name in photos}


def test_what_cannot_be_read_or_is_refused_is_told_in_its_place(
    live_api: LiveApi, tmp_path: Path, photos: list[str]
) -> None:
    Path(photos[1]).unlink()
    Path(photos[2]).write_text("a text")
    outcomes = run(live_api, tmp_path / "journal", photos[:4])
    assert list(outcomes) == photos[:4]
    assert [each.code if isinstance(each, PhotoError) else each.status for each in outcomes.values()] == [
        "succeeded",
        "unreadable_file",
        "not_a_picture",
        "succeeded",
    ]


def test_only_so_many_photos_are_ahead_of_the_one_read_next(
    live_api: LiveApi, tmp_path: Path, photos: list[str]
) -> None:
    with live_api.open_client() as client, Journal(tmp_path / "journal") as journal:
        steps = BatchRun(client, journal, {}, most_ahead=8, first_call=4, most_a_call=4).analyze(photos)
        next(steps)
        assert live_api.count("POST /v1/batches/") == 3
        assert len(list(steps)) == COUNT - 1


def test_a_service_that_takes_fewer_photos_in_a_call_gets_fewer(
    live_api: LiveApi, tmp_path: Path, photos: list[str]
) -> None:
    live_api.change(max_batch_photos=3)
    expect_whole(live_api, photos, run(live_api, tmp_path / "journal", photos))


def test_a_batch_that_somebody_closes_is_followed_by_another(
    live_api: LiveApi, tmp_path: Path, photos: list[str]
) -> None:
    with pytest.raises(Killed):
        run(live_api, tmp_path / "journal", photos, KilledTransport(2, is_answered=True))
    with live_api.open_client() as client:
        [batch] = client.list_batches()
        client.close_batch(batch.id)
        expect_whole(live_api, photos, run(live_api, tmp_path / "journal", photos))
        assert len(list(client.list_batches())) == 2


def test_a_run_whose_batch_is_gone_begins_anew(live_api: LiveApi, tmp_path: Path, photos: list[str]) -> None:
    with pytest.raises(Killed):
        run(live_api, tmp_path / "journal", photos, KilledTransport(5, is_answered=True))
    with live_api.open_client() as client:
        [batch] = client.list_batches()
        client.erase_batch(batch.id)
    expect_whole(live_api, photos, run(live_api, tmp_path / "journal", photos))


def test_a_photo_that_was_submitted_again_shows_its_new_result_and_an_erased_one_says_so(
    live_api: LiveApi, tmp_path: Path, photos: list[str]
) -> None:
    transport = KilledTransport(4, is_answered=True)
    with pytest.raises(Killed):
        run(live_api, tmp_path / "journal", photos, transport)
    with live_api.open_client() as client:
        [batch] = client.list_batches()
        client.wait_for_batch(batch.id, timeout_s=20)
        first = next(client.list_batch_photos(batch.id))
        assert first.job_id is not None
        client.erase_job(first.job_id)
    outcomes = list(run(live_api, tmp_path / "journal", photos).values())
    assert outcomes[0] == PhotoError("erased", "its job was erased")
    assert all(isinstance(outcome, Job) for outcome in outcomes[1:])


def test_a_service_that_goes_away_ends_the_run_which_goes_on_later(
    live_api: LiveApi, tmp_path: Path, photos: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    live_api.refuse = lambda asked: live_api.count("POST") > 3
    quick = Retries(tries=2, first_pause_s=0.01, longest_total_s=1)
    with Client(live_api.url, live_api.api_key, retries=quick) as client, pytest.raises(Exception, match="503"):
        run_with(client, tmp_path / "journal", photos)
    with Client("http://127.0.0.1:9", live_api.api_key, retries=quick) as client, pytest.raises(ServiceUnreachable):
        run_with(client, tmp_path / "journal", photos)
    live_api.refuse = lambda _: False
    expect_whole(live_api, photos, run(live_api, tmp_path / "journal", photos))


def test_a_full_queue_is_waited_for(
    live_api: LiveApi, tmp_path: Path, photos: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    class HurriedTime:
        monotonic = time.monotonic

        @staticmethod
        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            time.sleep(0.05)

    monkeypatch.setattr(run_module, "time", HurriedTime)
    live_api.change(max_queued_jobs=8)
    hurried = Retries(tries=1)
    with Client(live_api.url, live_api.api_key, retries=hurried) as client:
        expect_whole(live_api, photos[:16], run_with(client, tmp_path / "journal", photos[:16]))
    assert pauses
    assert set(pauses) == {10.0}


def test_more_photos_than_a_batch_takes_go_into_several(live_api: LiveApi, tmp_path: Path, photos: list[str]) -> None:
    with live_api.open_client() as client:
        expect_whole(live_api, photos, run_with(client, tmp_path / "journal", photos, most_a_batch=10))
        assert sorted(batch.counts.total for batch in client.list_batches()) == [8, 12]


def test_a_url_is_left_to_the_service(live_api: LiveApi, tmp_path: Path, photos: list[str]) -> None:
    url = "https://example.com/team.jpg"
    told: list[int] = []
    with live_api.open_client() as client, Journal(tmp_path / "journal") as journal:
        steps = BatchRun(client, journal, {}, told.append).analyze([photos[0], url, "https://127.0.0.1/x.jpg"])
        assert next(steps)[0] == photos[0]
        [batch] = client.list_batches()
        sent = [(photo.filename, photo.state, photo.error) for photo in client.list_batch_photos(batch.id)]
    assert len(sent) == 3
    assert sent[2][1] == "refused"
    assert sum(told) == 1
