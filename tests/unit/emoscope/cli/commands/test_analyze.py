"""`emoscope analyze` on a running API."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from emoscope.cli.app import app
from emoscope_client import Retries
from tests.support.factories.answers import make_job
from tests.support.factories.photos import make_photo
from tests.support.live_api import LiveApi
from tests.support.scripted_api import ScriptedApi
from tests.support.waiting import wait_until

RUNNER = CliRunner()
REASON = "it says [/nope] and [link=x] :warning: " + "and so on " * 30


def run(*words: str, typed: bytes | None = None) -> Result:
    return RUNNER.invoke(app, ["analyze", *words], input=typed)


def read_lines(text: str) -> list[tuple[str, str]]:
    return [(each["photo"], each["status"]) for each in map(json.loads, text.splitlines())]


@pytest.fixture
def folder(to_live_api: LiveApi) -> Path:
    """`photos` in the current folder, with twelve photos in it."""
    path = Path("photos")
    (path / "below").mkdir(parents=True)
    for number in range(12):
        place = path / "below" if number % 2 else path
        (place / f"{number:02}.png").write_bytes(make_photo("PNG", colour=f"rgb({number}, 0, 0)"))
    return path


def list_names(folder: Path) -> list[str]:
    return [str(path) for path in [*sorted(folder.glob("*.png")), *sorted(folder.glob("below/*.png"))]]


def list_states(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "state").rglob("*.jsonl"))


def test_a_folder_is_analysed_with_all_below_it(to_live_api: LiveApi, folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").touch()
    ran = run("photos", "--format", "jsonl")
    assert ran.exit_code == 0, ran.output
    assert read_lines(ran.stdout) == [(name, "succeeded") for name in list_names(folder)]
    assert "1 files in folders were skipped" in ran.stderr
    assert list_states(tmp_path) == []
    with to_live_api.open_client() as client:
        assert len(list(client.list_batches())) == 1


def test_one_photo_is_one_job(to_live_api: LiveApi, folder: Path) -> None:
    [name, *_] = list_names(folder)
    for words, typed in (((name,), None), (("-",), Path(name).read_bytes())):
        ran = run(*words, "--json", typed=typed)
        assert ran.exit_code == 0, ran.output
        [found] = json.loads(ran.stdout)
        assert (found["photo"], found["status"]) == (words[0], "succeeded")
    assert to_live_api.count("POST /v1/jobs") == 2
    assert to_live_api.count("POST /v1/batches") == 0


def test_a_list_is_read_from_a_file_or_standard_input(folder: Path) -> None:
    names = list_names(folder)[:3]
    Path("list").write_text("\n".join(names))
    for words, typed in ((("--from-file", "list"), None), (("--from-file", "-"), "\n".join(names).encode())):
        ran = run(*words, "--format", "jsonl", typed=typed)
        assert ran.exit_code == 0, ran.output
        assert [photo for photo, _ in read_lines(ran.stdout)] == names


def test_a_url_is_fetched_by_the_service_and_a_refused_one_says_why(to_live_api: LiveApi) -> None:
    ran = run("http://127.0.0.1/a.jpg", "http://10.0.0.1/b.jpg", "--format", "jsonl")
    assert ran.exit_code == 1
    assert [status for _, status in read_lines(ran.stdout)] == ["refused", "refused"]
    assert "http://10.0.0.1/b.jpg: invalid_request" in " ".join(ran.stderr.split())
    assert run("http://127.0.0.1/a.jpg").exit_code == 1
    assert to_live_api.count("POST /v1/jobs") == 1


def test_photos_without_a_result_are_listed_with_the_reason_and_the_status_is_1(folder: Path) -> None:
    (folder / "a.jpg").write_text("a text")
    (folder / "b.jpg").touch()
    ran = run("photos", "--csv")
    assert ran.exit_code == 1
    told = " ".join(ran.stderr.split())
    assert "photos/a.jpg: not_a_picture: " in told
    assert "photos/b.jpg: empty_photo: " in told
    assert told.endswith("2 of 14 photos have no result.")
    assert len({line.split(",")[0] for line in ran.stdout.splitlines()}) == 15


def test_wrong_words_are_refused_before_anything_is_sent(to_live_api: LiveApi, folder: Path) -> None:
    for words in (
        (),
        ("nothing.jpg",),
        ("*.gif",),
        ("-", "photos"),
        ("-", "--from-file", "x"),
        ("photos", "nothing.jpg"),
    ):
        assert run(*words).exit_code == 2
    assert run("--from-file", "nothing").exit_code == 1
    assert to_live_api.requests == []


def test_an_option_that_the_service_refuses_is_a_sentence(to_live_api: LiveApi, folder: Path) -> None:
    ran = run("photos", "--min-face-px", "1")
    assert ran.exit_code == 1
    assert "Error:" in ran.stderr
    assert "Run it again" not in ran.stderr


def test_an_empty_folder_has_no_results(to_live_api: LiveApi) -> None:
    Path("empty").mkdir()
    ran = run("empty", "--json")
    assert (ran.exit_code, json.loads(ran.stdout)) == (0, [])
    assert "There are no photos." in ran.stderr


@pytest.fixture
def start(to_live_api: LiveApi) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Start `emoscope analyze` as a process of its own."""
    started = []

    def make(*words: str, stderr: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "emoscope", "analyze", *words]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr))
        return started[-1]

    yield make
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_goes_on_with_the_same_words_and_gives_the_whole_result(
    to_live_api: LiveApi,
    folder: Path,
    tmp_path: Path,
    start: Callable[..., "subprocess.Popen[bytes]"],
    number: signal.Signals,
) -> None:
    def is_reading() -> bool:
        return to_live_api.count("GET /v1/batches/") > 0

    process = start("photos", "--format", "jsonl")
    wait_until(is_reading, "it reads results")
    process.send_signal(number)
    assert process.wait(30) == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert len(list_states(tmp_path)) == 1
    ran = run("photos", "--format", "jsonl")
    assert ran.exit_code == 0, ran.output
    assert "Resuming" in ran.stderr
    assert [photo for photo, _ in read_lines(ran.stdout)] == list_names(folder)
    with to_live_api.open_client() as client:
        assert set(Counter(job.photo.sha256 for job in client.list_jobs()).values()) == {1}
    assert list_states(tmp_path) == []


def test_the_same_run_is_not_made_by_two_processes_at_once(
    to_live_api: LiveApi, folder: Path, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    to_live_api.refuse = lambda asked: asked.endswith("/close")
    process = start("photos")
    wait_until(lambda: to_live_api.count("POST /v1/batches/") > 2, "it closes the batch")
    ran = run("photos")
    assert ran.exit_code == 1
    assert "another process" in ran.stderr
    process.kill()


def test_other_words_and_fresh_begin_anew(to_live_api: LiveApi, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emoscope.cli.commands.analyze._PATIENCE", Retries(tries=1))
    monkeypatch.setattr("emoscope.cli.analysis.run._AWAY_S", 0)
    monkeypatch.setattr("emoscope.cli.analysis.run._HOLD_S", 0.1)
    to_live_api.refuse = lambda asked: asked.startswith("GET /v1/jobs")
    assert run("photos", "--min-face-px", "20").exit_code == 1
    to_live_api.refuse = lambda _: False
    for words in (("photos", "--min-face-px", "21"), ("photos", "--min-face-px", "20", "--fresh")):
        assert "Resuming" not in run(*words).stderr
    with to_live_api.open_client() as client:
        assert len(list(client.list_batches())) == 3


def test_results_go_to_a_file_though_the_bar_is_on_a_terminal(
    folder: Path, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    screen, terminal = pty.openpty()
    try:
        process = start("photos", "--format", "jsonl", stderr=terminal)
        os.close(terminal)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert len(read_lines(said.decode())) == 12
        assert b"analysing" in os.read(screen, 65_536)
    finally:
        os.close(screen)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]) -> Iterator[ScriptedApi]:
    server = ScriptedApi()
    monkeypatch.setenv("EMOSCOPE_API_URL", server.url)
    monkeypatch.setenv("EMOSCOPE_API_KEY", "key")
    fresh_settings()
    yield server
    server.close()


def test_a_refusal_of_all_is_a_sentence_as_it_is(scripted: ScriptedApi, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a photo")
    scripted.answers = [(200, {}, make_job("queued")), (401, {}, {"code": "unauthorized", "detail": REASON})]
    ran = run(str(tmp_path / "a.jpg"))
    assert ran.exit_code == 1
    assert " ".join(REASON.split()) in " ".join(ran.stderr.split())
