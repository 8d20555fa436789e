"""A training run whose trainer is replaced while it trains: the new one resumes it, and the gate decides."""

import json
import time
from pathlib import Path
from typing import Any

from tests.fleet import engine
from tests.fleet.project import FOLDER, Fleet
from tests.support.drawn_faces import write_drawn_csv

_EPOCHS = 60
"""So many that the run still trains when a new trainer is healthy; each takes about a second."""
_TRAINING_ROWS, _PUBLIC_ROWS = 20, 4
"""Of each emotion."""
_RUN_S = 900


def train(fleet: Fleet, key: str) -> dict[str, Any]:
    """Start a run by the API, replace the trainer by roll.sh while it trains, and wait for the decision."""
    folder = FOLDER / "dataset"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # an earlier step runs a stack in this process, which keeps its files to itself
    csv = write_drawn_csv(folder / "faces.csv", training=_TRAINING_ROWS, public=_PUBLIC_ROWS)
    csv.chmod(0o644)
    fleet.set_values(DATASET_DIR=str(folder), EMOSCOPE_DATASET_CSV=f"/dataset/{Path(csv).name}")
    fleet.up("--no-deps", "api", "housekeeper", "training")
    wanted = json.dumps({"epochs": _EPOCHS}).encode()
    began = time.monotonic()
    started = fleet.ask("POST", "/v1/training-runs", key, wanted, Content_Type="application/json")
    assert started.status == 202, started
    url = started.body["url"]
    before = _wait(fleet, key, url, lambda run: len((run["progress"] or {}).get("curve", [])) > 1)
    assert before["status"] == "running", before
    fleet.type_in("sh deploy/compose/roll.sh training")
    ended = _wait(fleet, key, url, lambda run: run["status"] not in {"queued", "running"})
    assert ended["status"] in {"promoted", "rejected"}, ended
    epochs = [point["epoch"] for point in ended["progress"]["curve"]]
    assert ended["attempt"] == 2, ended
    assert epochs == sorted(set(epochs)), epochs
    trainers = fleet.list_containers("training")
    said = [json.loads(line) for line in _read_log(trainers[0]) if line.startswith("{")]
    assert [line for line in said if line.get("event") == "run_decided"], "the new trainer ended the run"
    return {
        "status": ended["status"],
        "attempts": ended["attempt"],
        "epochs": len(epochs),
        "rows": 7 * _TRAINING_ROWS,
        "seconds": round(time.monotonic() - began),
        "challenger": ended["challenger"],
    }


def _wait(fleet: Fleet, key: str, url: str, is_there: Any) -> dict[str, Any]:
    end = time.monotonic() + _RUN_S
    while not is_there(run := fleet.ask("GET", url, key).body):
        assert time.monotonic() < end, run
        assert run["status"] != "failed", run
        time.sleep(1)
    return dict(run)


def _read_log(container: str) -> list[str]:
    return engine.run("sh", "-c", f"docker logs {container} 2>&1").splitlines()
