"""The whole stack on a disk that fills: nothing ends, and all of it goes on by itself when there is room."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from emoscope.settings import Settings
from emoscope.stack.embedded import Stack
from emoscope.stack.status import read_status
from tests.acceptance.conftest import Service
from tests.acceptance.kills import PHOTO, Kills
from tests.support.full_disk import small_disk
from tests.support.ports import find_free_port
from tests.support.waiting import wait_until

_FULL_S = 8.0
"""Longer than workers are silent before they count as gone."""


@pytest.mark.timeout(600)
def test_a_full_disk_stops_nothing_for_good(short_tmp: Path) -> None:
    quick: dict[str, Any] = {
        "sweep_interval_s": 1,
        "resend_after_s": 1,
        "lease_s": 4,
        "worker_heartbeat_s": 1,
        "rate_limit": "",
    }
    with small_disk(short_tmp / "full", 400) as disk:
        settings = Settings(
            _env_file=None, data_dir=disk.folder / "data", port=find_free_port(), api_processes=2, **quick
        )
        with Stack(settings, lambda _step: None) as stack:
            service = Service(stack)
            kills = Kills(service)
            before = {program.name: program.pid for program in read_status(settings.stack_socket) or ()}
            for _ in range(5):
                kills.submit()
            disk.fill()
            headers = {"Authorization": f"Bearer {service.api_key}", "Content-Type": "image/jpeg"}
            end = time.monotonic() + _FULL_S
            codes = set()
            with httpx.Client(base_url=service.url, headers=headers, timeout=30) as http:
                while time.monotonic() < end:
                    assert http.get("/healthz").status_code == 200
                    assert http.get("/v1/jobs").status_code == 200
                    answer = http.post("/v1/jobs", content=PHOTO)
                    codes.add((answer.status_code, answer.json()["code"]))
                    time.sleep(0.2)
            assert codes == {(503, "storage_full")}
            ready = httpx.get(f"{service.url}/readyz", timeout=30)
            assert ready.status_code == 503
            assert "no photo can be stored" in ready.json()["detail"]
            disk.make_room()
            kills.submit()
            kills.check_all_done()
            wait_until(lambda: httpx.get(f"{service.url}/readyz", timeout=30).status_code == 200, "it is ready", 120)
            after = {program.name: program.pid for program in read_status(settings.stack_socket) or ()}
            # beat keeps its times in a file, and may have been started again
            assert {name: pid for name, pid in after.items() if name != "beat"} == {
                name: pid for name, pid in before.items() if name != "beat"
            }
            service.close()
