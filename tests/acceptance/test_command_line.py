"""The commands as separate processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from emoscope.stack.demo_photos import compose_page, portrait_photo
from emoscope_client import Client
from tests.acceptance.conftest import Service, find_free_port
from tests.support.waiting import wait_until
from training import pretrained

EMOSCOPE = [sys.executable, "-m", "emoscope"]
PRETRAINED = Path(pretrained.__file__).parent

on_fleet = pytest.mark.parametrize("service", ["fleet"], indirect=True)
"""For commands that do the same in each form of the service."""


def run(
    *arguments: object, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EMOSCOPE, *map(str, arguments)],
        env=os.environ | {"COLUMNS": "120"} | (env or {}),
        cwd=cwd,
        input="",
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_the_demo_shows_every_face_and_leaves_pictures(tmp_path: Path) -> None:
    done = run("demo", "--port", find_free_port(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("happy") + done.stdout.count("neutral") > 0
    for name, faces in (("astronaut", 1), ("page", len(compose_page().faces))):
        assert f"│    {faces} │" in done.stdout
        with Image.open(tmp_path / "demo-output" / f"{name}-annotated.jpg") as picture:
            picture.verify()
    assert "/docs" in done.stdout


@pytest.fixture
def environment(service: Service) -> dict[str, str]:
    return {"EMOSCOPE_DATA_DIR": str(service.settings.data_dir)} | service.settings.to_environment()


def test_analyze_prints_a_line_of_json_per_photo(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(portrait_photo("astronaut").data)
    (tmp_path / "b.jpg").write_text("not a picture")
    done = run("analyze", tmp_path, "--format", "jsonl", env=environment | {"XDG_STATE_HOME": str(tmp_path / "state")})
    assert done.returncode == 1
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["status"], len(first["faces"])) == ("succeeded", 1)
    assert (second["status"], second["error"]["code"]) == ("refused", "not_a_picture")


@on_fleet
def test_a_killed_analysis_of_a_folder_resumes_and_analyses_no_photo_twice(
    environment: dict[str, str], service: Service, tmp_path: Path
) -> None:
    folder, names = tmp_path / "photos", [f"{number:03}.png" for number in range(60)]
    folder.mkdir()
    for number, name in enumerate(names):
        Image.new("RGB", (320, 240), (number, 0, 0)).save(folder / name)
    environment |= {
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "EMOSCOPE_API_KEY": run("key", "create", "holiday", env=environment).stdout.strip(),
    }
    with Client(service.url, environment["EMOSCOPE_API_KEY"]) as client:
        for wanted in (1, 20, 45):  # photos that the service has when the process is killed
            process = subprocess.Popen(
                [*EMOSCOPE, "analyze", str(folder), "--format", "jsonl"],
                env=os.environ | environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            wait_until(lambda: len(list(client.list_jobs())) >= wanted, f"{wanted} photos are there")  # noqa: B023
            process.kill()
            process.wait()
        done = run("analyze", folder, "--format", "jsonl", env=environment)
        assert done.returncode == 0, done.stderr
        assert [Path(json.loads(line)["photo"]).name for line in done.stdout.splitlines()] == names
        assert sorted(job.photo.filename or "" for job in client.list_jobs()) == names
    assert list((tmp_path / "state").rglob("*.jsonl")) == []


def test_analyze_prints_a_table(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(portrait_photo("astronaut").data)
    done = run("analyze", tmp_path / "a.jpg", env=environment)
    assert done.returncode == 0, done.stderr
    assert "happy" in done.stdout


def test_doctor_finds_nothing_missing(environment: dict[str, str]) -> None:
    done = run("doctor", "--json", env=environment)
    assert done.returncode == 0, done.stdout
    assert {finding["part"] for finding in json.loads(done.stdout)} >= {
        "database",
        "queue",
        "blobs",
        "workers",
        "model",
    }


@on_fleet
def test_a_key_that_was_made_works_until_it_is_revoked(environment: dict[str, str], service: Service) -> None:
    import httpx

    key = run("key", "create", "shell", env=environment).stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx.get(f"{service.url}/v1/jobs", headers=headers).status_code == 200
    assert key[:12] in run("key", "list", env=environment).stdout
    assert run("key", "revoke", key[:12], env=environment).returncode == 0
    assert httpx.get(f"{service.url}/v1/jobs", headers=headers).status_code == 401


@on_fleet
def test_the_list_of_models_has_their_metrics_and_marks_the_one_in_service(environment: dict[str, str]) -> None:
    listed = run("models", "list", env=environment | {"COLUMNS": "80"})
    assert listed.returncode == 0, listed.stderr
    [champion] = [line for line in listed.stdout.splitlines() if "1 *" in line]
    metrics = json.loads((PRETRAINED / "default" / "manifest.json").read_text())["metrics"]["PublicTest"]
    votes, single = metrics["ferplus"], metrics["fer2013"]
    cells = [cell.strip() for cell in champion.split("│")]
    assert cells[2] == "default"
    assert cells[4:7] == [f"{figure:.3f}" for figure in (votes["accuracy"], single["accuracy"], votes["macro_f1"])]


def test_a_command_before_there_is_a_database_says_what_to_do(tmp_path: Path) -> None:
    done = run("key", "list", env={"EMOSCOPE_DATA_DIR": str(tmp_path / "new")})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "emoscope up" in " ".join(done.stderr.split())


def test_migrate_creates_a_missing_database(tmp_path: Path) -> None:
    environment = {"EMOSCOPE_DATA_DIR": str(tmp_path / "new")}
    done = run("migrate", env=environment)
    assert done.returncode == 0, done.stderr
    assert "default" in run("models", "list", env=environment).stdout


def test_a_bad_setting_is_named() -> None:
    done = run("doctor", env={"EMOSCOPE_PORT": "many"})
    assert done.returncode == 2
    assert "EMOSCOPE_PORT" in done.stderr
