"""Alert rules fire when they should; rules, dashboard and page name existing metrics, and all of them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/alerts.yml"
NAME = re.compile(r"\bemoscope_[a-z_]+\b")


def list_metrics() -> set[str]:
    """The names in the code, with those that Prometheus makes of a counter and a histogram."""
    text = "".join(path.read_text() for path in (ROOT / "api/monitoring").glob("*.py"))
    names = set(re.findall(r'"(emoscope_[a-z_]+)"', text)) - {"emoscope_metrics", "emoscope_drift"}
    suffixes = {"emoscope_http_requests": ["_total"], "emoscope_http_request_seconds": ["_bucket", "_count", "_sum"]}
    return {name + suffix for name in names for suffix in suffixes.get(name, [""])}


def test_alerts_name_metrics_that_there_are() -> None:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    named = {name for rule in rules for name in NAME.findall(rule["expr"])}
    assert named
    assert named <= list_metrics()


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/emoscope.json").read_text())
    named = {
        name for panel in dashboard["panels"] for target in panel["targets"] for name in NAME.findall(target["expr"])
    }
    assert named <= list_metrics()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(places) == len(set(places))


def test_the_page_of_the_api_names_every_metric() -> None:
    table = re.findall(r"^\| `(emoscope_[a-z_]+)` \|", (ROOT / "docs/api.md").read_text(), re.MULTILINE)
    assert len(table) == len(set(table))
    assert {re.sub("_(bucket|count|sum)$", "", name) for name in list_metrics()} == set(table)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool isn't installed (Debian package prometheus)")
def test_each_alert_fires_when_it_should_and_only_then() -> None:
    command = ["promtool", "test", "rules", str(RULES.with_name("alerts_test.yml"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tried = yaml.safe_load(RULES.with_name("alerts_test.yml").read_text())["tests"]
    for test in tried:
        names = {case["alertname"] for case in test["alert_rule_test"]}
        assert names == {rule["alert"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
