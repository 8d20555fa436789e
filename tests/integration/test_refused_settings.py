"""Every process names an invalid setting in a sentence, and exits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROCESSES = {
    "worker": ["-c", "import worker.core.app"],
    "api": ["-c", "import api.core.wsgi"],
    "doctor": ["-m", "emoscope", "doctor"],
    "up": ["-m", "emoscope", "up"],
    "user": ["-m", "emoscope", "user", "list"],
}
ROOT = Path(__file__).parents[2]


def run(arguments: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "EMOSCOPE_DATA_DIR": str(folder / "data"), **variables}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("process", PROCESSES)
def test_an_invalid_setting_ends_the_process_with_a_sentence(tmp_path: Path, process: str) -> None:
    ended = run(PROCESSES[process], tmp_path, EMOSCOPE_REDIS_URL="127.0.0.1:6379", EMOSCOPE_PORT="1e3")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "Error: EMOSCOPE_REDIS_URL must be redis://host:port/number" in ended.stderr
    assert "Error: EMOSCOPE_PORT must be a whole number" in ended.stderr


def test_an_env_file_that_cannot_be_read_ends_the_process_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EMOSCOPE_PORT=8123", encoding="utf-16")
    ended = run(PROCESSES["doctor"], tmp_path)
    assert (ended.returncode, ended.stderr) == (2, "Error: the file .env isn't UTF-8 text; save it as UTF-8\n")


def test_doctor_names_unknown_variables(tmp_path: Path) -> None:
    ended = run([*PROCESSES["doctor"], "--json"], tmp_path, EMOSCOPE_PHOTO_RETENTION="0")
    assert (
        "EMOSCOPE_PHOTO_RETENTION is not a setting and has no effect; is EMOSCOPE_PHOTO_RETENTION_S meant?"
        in ended.stdout
    )
