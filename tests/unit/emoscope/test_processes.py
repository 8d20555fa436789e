"""What the processes of the one-machine stack are started with."""

import contextlib
import json
import sys
from pathlib import Path

import pytest

from emoscope import processes
from emoscope.processes import Processes
from emoscope.settings import Settings

SHOW = """
import json, os
folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
print(json.dumps({"folder": folder, "files": os.listdir(folder) if folder else None}))
"""


@pytest.mark.parametrize("is_set_outside", [False, True])
def test_the_api_counts_in_an_empty_folder_of_the_stack_and_the_others_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_set_outside: bool
) -> None:
    """Real processes, which write down what they were given."""
    command = [sys.executable, "-c", SHOW]
    monkeypatch.setattr(processes, "list_commands", lambda _settings: {"api": command, "worker": command})
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    if is_set_outside:
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    for name in ("logs", "metrics"):
        (settings.data_dir / name).mkdir(parents=True)
    (settings.data_dir / "metrics" / "counter_4711.db").write_bytes(b"of an earlier start")
    started = Processes(settings)
    with contextlib.ExitStack() as cleanup:
        started.start(cleanup)
        for process in started._running.values():
            process.wait(30)
    api, worker = (json.loads((settings.data_dir / "logs" / f"{name}.log").read_text()) for name in ("api", "worker"))
    assert api == {"folder": str(settings.data_dir / "metrics"), "files": []}
    assert worker["folder"] == (str(tmp_path) if is_set_outside else None)
