"""The client as applications get it: a wheel, in an environment with nothing else, beside modules of the server's names."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from apiflask import APIFlask
from werkzeug.serving import make_server

from bench.client.import_time import measure_imports
from db.core import queues
from tests.support.valkey import Valkey

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "tests" / "support" / "sample_application"
PAGES = (ROOT / "docs" / "client.md", ROOT / "client" / "README.md", ROOT / "README.md")
NO_INDEX = re.compile(
    "error sending request|dns error|tcp connect|timed out|Network connectivity is disabled", re.IGNORECASE
)


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command, and return its output. Skips the test, aloud, where no package index can be reached."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    if done.returncode and NO_INDEX.search(done.stderr):
        pytest.skip(f"no package index can be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Installed:
    """The wheel, and an environment in which it is installed alone."""

    wheel: Path
    python: Path
    packages: set[str]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    own = ROOT / ".uv" / "bin" / "uv"
    uv = shutil.which("uv") or (str(own) if own.exists() else None)
    if uv is None:
        pytest.skip("uv is not on the PATH, and `make setup` did not install it in .uv")
    run(uv, "build", "--quiet", "--wheel", ROOT / "client", "--out-dir", folder, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    python = folder / "environment" / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "environment", cwd=folder)
    run(uv, "pip", "install", "--quiet", "--python", python, wheel, cwd=folder)
    listed = json.loads(run(uv, "pip", "list", "--format", "json", "--python", python, cwd=folder))
    return Installed(wheel, python, {package["name"] for package in listed})


def test_the_wheel_is_small_typed_and_needs_httpx_alone(installed: Installed) -> None:
    assert installed.wheel.stat().st_size < 100_000
    with zipfile.ZipFile(installed.wheel) as archive:
        contents = archive.namelist()
        (metadata,) = (archive.read(name).decode() for name in contents if name.endswith("/METADATA"))
    assert "emoscope_client/py.typed" in contents
    assert {name.partition("/")[0].partition("-")[0] for name in contents} == {"emoscope_client"}
    assert re.findall(r"^Requires-Dist: (.+)$", metadata, re.MULTILINE) == ["httpx>=0.28"]
    assert installed.packages == {
        "anyio", "certifi", "emoscope-client", "h11", "httpcore", "httpx", "idna", "typing-extensions",
    }  # fmt: skip


def test_importing_it_takes_little_more_than_importing_httpx(installed: Installed) -> None:
    assert measure_imports(str(installed.python), runs=7).ratio < 1.3


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """A folder with an application, and the code that our pages show beside it."""
    folder = tmp_path / "application"
    shutil.copytree(SAMPLE, folder)
    for page in PAGES:
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)):
            (folder / f"shown_{page.parent.name}_{page.stem.lower()}_{number}.py".replace("-", "_")).write_text(block)
    return folder


def test_the_application_and_all_code_of_our_pages_pass_a_strict_type_check(
    installed: Installed, application: Path, tmp_path: Path
) -> None:
    """Not one expression may have the type Any, so no result has."""
    files = [path for path in application.rglob("*.py") if path.name != "db.py"]
    assert len(files) > len(PAGES)
    options = [
        "--strict",
        "--disallow-any-expr",
        "--warn-unreachable",
        "--config-file=",
        f"--cache-dir={tmp_path}/cache",
    ]
    mypy: list[str | Path] = [sys.executable, "-m", "mypy", *options, "--python-executable", installed.python]
    assert "Success" in run(*mypy, *files, cwd=application)


@pytest.fixture
def served(app: APIFlask, api_key: str, worker: Any, valkey: Valkey) -> Iterator[dict[str, str]]:
    """The environment that leads to a running API, behind which a worker is played."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    is_over = threading.Event()

    def work() -> None:
        with valkey.client() as queue:
            while not is_over.is_set():
                analyze_next(queue, worker)

    threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=work)]
    for thread in threads:
        thread.start()
    yield {"EMOSCOPE_API_URL": f"http://127.0.0.1:{server.server_port}", "EMOSCOPE_API_KEY": api_key}
    is_over.set()
    server.shutdown()
    for thread in threads:
        thread.join()
    server.server_close()


def analyze_next(queue: redis.Redis, worker: Any) -> None:
    """Find a face in the photo of the next job, if one comes within a fifth of a second."""
    message: Any = queue.blpop([queues.ANALYSIS_QUEUE, queues.BULK_QUEUE], timeout=0.2)
    if message is not None:
        worker.analyze(json.loads(message[1])["headers"]["id"], worker.see())


def test_the_application_runs_beside_modules_of_the_servers_names(
    installed: Installed, application: Path, served: dict[str, str], photo: bytes
) -> None:
    (application / "team.jpg").write_bytes(photo)
    found = json.loads(run(installed.python, "main.py", "team.jpg", cwd=application, **served))
    job = found.pop("job")
    assert (job["status"], job["area"], job["emotion"]) == ("succeeded", 400, "happy")
    assert (job["filename"], job["error"], job["steps"]) == ("team.jpg", None, 1)
    assert found == {
        "emotions": {"happy": 1},
        "states": ["succeeded", "refused"],
        "events": ["queued", "running", "succeeded"],
        "champion": 1,
        "annotated": True,
        "photo": True,
        "crop": True,
        "listed": 4,
        "lost": "not_found",
        "refused": "invalid_request: detector",
        "awaited": ["succeeded"] * 3 + ["2", "6"],
        "own": ["the application"] * 3 + ["team.jpg"],
    }


def test_the_first_example_of_the_page_runs(
    installed: Installed, application: Path, served: dict[str, str], photo: bytes
) -> None:
    (application / "photo.jpg").write_bytes(photo)
    said = run(installed.python, "shown_docs_client_0.py", cwd=application, **served)
    assert said.startswith("happy 0.7")
