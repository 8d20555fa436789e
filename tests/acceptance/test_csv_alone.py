"""`emoscope up` with only a CSV and a schedule of every minute: each run ends with a decision, without manual steps.

Two runs of the schedule take two minutes, so this runs in `make test-schedule`;
tests/unit/worker/retraining/test_runs_with_a_csv_alone.py does the same in one process.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emoscope.settings import Settings
from emoscope.stack.embedded import Stack
from tests.acceptance.conftest import QUICK, find_free_port
from tests.acceptance.test_retraining_loop import Service, wait_for
from tests.support.drawn_faces import write_drawn_csv

pytestmark = [
    pytest.mark.skipif("TEST_SCHEDULE" not in os.environ, reason="takes minutes: make test-schedule"),
    pytest.mark.timeout(3000),
]

RUN_S = 900


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    folder = short_tmp / "alone"
    given: dict[str, Any] = QUICK | {
        "data_dir": folder,
        "port": find_free_port(),
        "worker_processes": 1,
        "rate_limit": "",
        "dataset_csv": write_drawn_csv(short_tmp / "faces.csv", training=20, public=4),
        "retrain_epochs": 1,
        "retrain_schedule": "* * * * *",
    }
    with Stack(Settings(_env_file=None, **given), lambda _: None) as stack:
        opened = Service(stack)
        yield opened
        opened.http.close()
    assert "run_crashed" not in (folder / "logs" / "trainer.log").read_text()


def wait_for_end(service: Service, trigger: str, after: str = "") -> dict[str, Any]:
    """The first ended run of that trigger that was made after a run's id."""

    def find() -> dict[str, Any] | None:
        ended = [
            run
            for run in service.get("/v1/training-runs?limit=100")["items"]
            if run["trigger"] == trigger and run["id"] > after and run["status"] not in {"queued", "running"}
        ]
        return min(ended, key=lambda run: str(run["id"])) if ended else None

    return wait_for(find, f"a run of the {trigger} has ended", RUN_S)


def expect_decision(run: dict[str, Any]) -> list[str]:
    """The names of the gate's checks."""
    assert run["status"] in {"promoted", "rejected"}, (run["error_code"], run["error_detail"])
    assert run["champion"] == 1
    assert run["audit"]["plan"]["labels"] == "hard"
    assert run["gate"]["reference"] is not None
    return [check["name"] for check in run["gate"]["decision"]["checks"]]


def test_a_csv_alone_gives_decisions_without_a_click(service: Service) -> None:
    plan = service.get("/v1/training-runs/plan")
    assert (plan["champion"]["name"], plan["can_replace_champion"]) == ("default", False)

    first = wait_for_end(service, "schedule")
    checks = expect_decision(first)
    assert first["corrections"] == {}

    service.let_the_face_teach()
    face = service.analyze()
    service.post("/v1/reviews/votes", {"face_id": face["id"], "choice": "happy"})
    latest = service.get("/v1/training-runs?limit=1")["items"][0]["id"]  # may have looked for corrections already
    second = wait_for_end(service, "schedule", after=latest)
    assert expect_decision(second) == checks
    assert second["corrections"] == {"used": 1}

    environment = {**os.environ, **service.settings.to_environment()}
    wait_for(lambda: run_command(environment), "no other run goes on", RUN_S)
    by_command = wait_for_end(service, "command")
    assert expect_decision(by_command) == checks
    assert by_command["corrections"] == {"used": 1}


def run_command(environment: dict[str, str]) -> bool:
    command = [sys.executable, "-m", "emoscope", "retrain"]
    return subprocess.run(command, env=environment, check=False, capture_output=True).returncode == 0
