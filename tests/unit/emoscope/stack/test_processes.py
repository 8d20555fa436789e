"""Command lines and environment of the one-machine stack's programs."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from db.core import queues
from emoscope.settings import Settings
from emoscope.stack import processes
from emoscope.stack.processes import make_plan


def make_settings(folder: Path, **options: object) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **options)  # type: ignore[arg-type]


def test_every_program_is_stopped_at_some_time(tmp_path: Path) -> None:
    plan = make_plan(make_settings(tmp_path))
    assert [program.name for program in plan.programs] == ["valkey", "api", "worker", "housekeeper", "trainer", "beat"]
    assert {program.name: program.stop_step for program in plan.programs} == processes._STOP_STEPS


def test_a_queue_that_is_named_is_not_started(tmp_path: Path) -> None:
    plan = make_plan(make_settings(tmp_path, redis_url="redis://127.0.0.1:6379/0"))
    assert "valkey" not in [program.name for program in plan.programs]


def test_the_trainer_runs_on_demand_where_the_supervisor_can_ask_the_queue(tmp_path: Path) -> None:
    own, named = (make_plan(make_settings(tmp_path, redis_url=url)) for url in ("", "redis://127.0.0.1:6379/0"))
    assert {program.name: program.wake_queue for program in own.programs if program.wake_queue} == {
        "trainer": queues.TRAINING_QUEUE
    }
    assert [program.name for program in own.programs if queues.END_IDLE_S in program.environment] == ["trainer"]
    assert not [program for program in named.programs if program.wake_queue or queues.END_IDLE_S in program.environment]


@pytest.mark.parametrize("count", [1, 2])
def test_only_several_api_processes_count_in_files(tmp_path: Path, count: int) -> None:
    """One process counts in memory, which no disk can fill."""
    plan = make_plan(make_settings(tmp_path, api_processes=count))
    folders = {program.name: program.environment.get("PROMETHEUS_MULTIPROC_DIR") for program in plan.programs}
    assert folders.pop("api") == (str(tmp_path / "metrics") if count > 1 else None)
    assert set(folders.values()) == {None}


def test_programs_get_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their current folder is another."""
    monkeypatch.chdir(tmp_path)
    settings = make_settings(
        Path("data"), database_url="sqlite:///some.db", blob_url="blobs", dataset_csv=Path("faces.csv")
    )
    [environment] = [program.environment for program in make_plan(settings).programs if program.name == "api"]
    assert environment["EMOSCOPE_DATA_DIR"] == str(tmp_path / "data")
    assert environment["EMOSCOPE_DATABASE_URL"] == f"sqlite:///{tmp_path}/some.db"
    assert environment["EMOSCOPE_BLOB_URL"] == str(tmp_path / "blobs")
    assert environment["EMOSCOPE_DATASET_CSV"] == str(tmp_path / "faces.csv")


@pytest.mark.parametrize("name", ["api", "worker", "housekeeper", "trainer", "beat"])
def test_nothing_is_imported_from_the_folder_in_which_the_stack_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Another project's modules have the names of ours, and of libraries."""
    foreign = tmp_path / "foreign"
    for package in ("api", "worker", "db", "emoscope", "celery", "gunicorn", "redis", "tests"):
        (foreign / package).mkdir(parents=True)
        (foreign / package / "__init__.py").write_text("raise SystemExit('a foreign module was imported')")
    monkeypatch.chdir(foreign)
    plan = make_plan(make_settings(tmp_path / "data"))
    Path(plan.working_dir).mkdir(parents=True)
    [program] = [program for program in plan.programs if program.name == name]
    done = subprocess.run(
        [*program.command, "--help"],
        env=program.environment,
        cwd=plan.working_dir,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_command_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    for package in ("db", "typer", "emoscope_other"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('a foreign module was imported')")
    command = [sys.executable, "-m", "emoscope", "key", "list"]
    done = subprocess.run(
        command,
        env={"EMOSCOPE_DATA_DIR": str(tmp_path / "data")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "foreign" not in done.stdout + done.stderr
    assert "the database at" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server needs Linux")
def test_what_programs_share_survives_a_fork() -> None:
    """No thread, nothing open, no process id kept by a module of ours, nothing that only one program's environment decides."""
    checks = f"""
import importlib, os, sys
before = os.listdir("/proc/self/fd")
for module in {processes.SHARED_MODULES!r}:
    importlib.import_module(module)
from emoscope.fork_server import check_single_thread
check_single_thread()
assert os.listdir("/proc/self/fd") == before, "something is open"
print(*sys.modules)
"""
    environment = {"PATH": "", "OMP_NUM_THREADS": "1"}
    names = subprocess.run(
        [sys.executable, "-c", checks], check=True, capture_output=True, text=True, env=environment
    ).stdout.split()
    assert "prometheus_client" not in names
    ours = [name for name in names if name.partition(".")[0] in {"api", "db", "emoscope", "training", "worker"}]
    assert "db.jobs.tables" in ours
    for name in ours:
        path = importlib.util.find_spec(name).origin  # type: ignore[union-attr]
        kept = [line for line in Path(path or "").read_text().splitlines() if re.match(r"\S.*\bos\.getp?pid\(", line)]
        assert not kept, f"{name} keeps a process id at import: {kept}"


def test_the_fork_server_starts_every_python_program(tmp_path: Path) -> None:
    plan = make_plan(make_settings(tmp_path))
    assert plan.fork_server is not None
    assert {program.name for program in plan.programs if not program.is_forked} == {"valkey"}
    for program in plan.programs:
        if program.is_forked:
            assert list(program.command[:2]) == plan.fork_server.python
            assert plan.fork_server.environment.items() <= program.environment.items()
