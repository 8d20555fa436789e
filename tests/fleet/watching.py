"""The page on watching, word for word: Prometheus asks each API, every panel of the dashboard has data, logs name their job."""

import json
import re
import time
import urllib.parse
import urllib.request
import uuid
from typing import Any

from tests.fleet import engine
from tests.fleet.hooks import URL, start_receiver
from tests.fleet.pages import HOW_TO, read_commands
from tests.fleet.project import PHOTO, ROOT, Fleet
from tests.support.ports import find_free_port

PAGE = HOW_TO / "watch.md"
_NAME = "emoscope-prometheus"
"""Of the page's container and of its volume."""
_TRACE_ID = uuid.uuid4().hex
_DELIVERY_S, _SCRAPES_S = 60, 120
_ROW = re.compile(r"^\|.*", re.MULTILINE)
_METRIC = re.compile(r"`(emoscope_\w+)`")


def watch(fleet: Fleet, key: str) -> dict[str, Any]:
    """Follow the page's logs and metrics."""
    with start_receiver(fleet):
        seen: dict[str, Any] = {"lines_of_a_job": _read_lines_of_a_job(fleet, key)}
    return seen | {"alerts_tried": _try_alerts(fleet)} | _ask_prometheus(fleet, key)


def _read_lines_of_a_job(fleet: Fleet, key: str) -> dict[str, int]:
    """Each line that API, worker and housekeeper write about a job names it, its request and its trace. Returns events."""
    (command,) = read_commands("watch", "Logs")
    request_id = f"watched-{_TRACE_ID[:8]}"
    named = {"X_Request_ID": request_id, "traceparent": f"00-{_TRACE_ID}-{_TRACE_ID[:16]}-01"}
    query = urllib.parse.urlencode({"callback_url": URL})
    job = fleet.ask("POST", f"/v1/jobs?{query}", key, PHOTO, Prefer="wait=60", **named).body
    assert job["status"] == "succeeded", job
    end = time.monotonic() + _DELIVERY_S
    while "delivery_made" not in (said := fleet.type_in(command, {"JOB_ID": job["id"]})):
        assert time.monotonic() < end, said
        time.sleep(1)
    lines = [json.loads(line) for line in said.splitlines()]
    for line in lines:
        assert (line.get("job_id"), line.get("request_id"), line.get("trace_id")) == (
            job["id"],
            request_id,
            _TRACE_ID,
        ), line
    events = [line["event"] for line in lines]
    assert {"request", "job_ended", "delivery_made"} <= set(events), events
    return {event: events.count(event) for event in events}


def _try_alerts(fleet: Fleet) -> str:
    """Whether promtool finds that each alert fires when it should and only then."""
    mount = f"{ROOT / 'deploy/prometheus'}:/etc/prometheus:ro"
    words = ["--rm", "-v", mount, "--entrypoint", "promtool", fleet.values["PROMETHEUS_IMAGE"]]
    said = engine.run("docker", "run", *words, "test", "rules", "/etc/prometheus/alerts_test.yml")
    assert "SUCCESS" in said, said
    return "SUCCESS"


def _ask_prometheus(fleet: Fleet, key: str) -> dict[str, Any]:
    """Start Prometheus by the page. Both APIs are up, no alert fires, every metric of the page is there, every panel has data."""
    port = find_free_port()
    (command,) = read_commands("watch", "Metrics")
    words = {
        "emoscope_default": f"{fleet.name}_default",
        "127.0.0.1:9090:": f"127.0.0.1:{port}:",
        "prom/prometheus:v3.5.0": fleet.values["PROMETHEUS_IMAGE"],
    }
    for word, here in words.items():
        assert word in command, word
        command = command.replace(word, here)
    fleet.type_in(command)
    try:
        fleet.ask("POST", "/v1/jobs", key, PHOTO[: len(PHOTO) // 2], Prefer="wait=60")  # cut off, so that one fails
        end = time.monotonic() + _SCRAPES_S
        while missing := _list_missing(port):
            assert time.monotonic() < end, missing
            fleet.ask("POST", "/v1/jobs", key, PHOTO, Prefer="wait=60")
            time.sleep(3)
        targets = [target["health"] for target in _ask(port, "targets")["activeTargets"]]
        assert targets == ["up"] * len(fleet.list_containers("api")), targets
        rules = [rule for group in _ask(port, "rules")["groups"] for rule in group["rules"]]
        shipped = (ROOT / "deploy/prometheus/alerts.yml").read_text().count("- alert:")
        assert [rule["health"] for rule in rules] == ["ok"] * shipped, rules
        firing = [rule["name"] for rule in rules if rule["state"] == "firing"]
        assert not firing, firing
        return {"targets_up": len(targets), "alert_rules": len(rules), "panels_with_data": len(_list_panels())}
    finally:
        engine.run("docker", "rm", "-fv", _NAME)
        engine.run("docker", "volume", "rm", _NAME)


def _list_panels() -> list[str]:
    """The expressions of the dashboard."""
    dashboard = json.loads((ROOT / "deploy/grafana/emoscope.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def _list_missing(port: int) -> list[str]:
    """What Prometheus has no data for yet: targets, rules, panels, or metrics of the page."""
    try:
        groups = _ask(port, "rules")["groups"]
        rules = [rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "unknown"]
        metrics = {name for row in _ROW.findall(PAGE.read_text()) for name in _METRIC.findall(row)}
        patterns = [f'{{__name__=~"{name}(_bucket)?"}}' for name in metrics]
        return rules + [wanted for wanted in [*_list_panels(), *patterns] if not _query(port, wanted)]
    except OSError as error:  # it starts
        return [str(error)]


def _query(port: int, expression: str) -> list[Any]:
    return list(_ask(port, f"query?{urllib.parse.urlencode({'query': expression})}")["result"])


def _ask(port: int, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=20) as answer:
        return dict(json.load(answer)["data"])
