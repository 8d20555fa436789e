"""Names on the how-to pages exist, and their configuration examples are valid. `make test-fleet` executes their commands."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from apiflask import APIFlask
from werkzeug.exceptions import MethodNotAllowed, NotFound

from api.core.app import create_app
from emoscope.settings import Settings
from tests.docs.test_monitoring import NAME, list_metrics
from tests.fleet.pages import HOW_TO, read_commands

PAGES = sorted(HOW_TO.glob("*.md"))
ROOT = HOW_TO.parents[1]


def read_blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (HOW_TO / f"{page}.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> APIFlask:
    folder = tmp_path_factory.mktemp("pages")
    return create_app(Settings(_env_file=None, data_dir=folder))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_call_that_a_page_names_exists(page: Path, app: APIFlask) -> None:
    routes = app.url_map.bind("localhost")
    for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/v1/[\w/-]+)`", page.read_text()):
        concrete = path.replace("/ID", "/0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d")
        try:
            routes.match(concrete, method)
        except (NotFound, MethodNotAllowed):
            pytest.fail(f"there is no {method} {path}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"\bEMOSCOPE_([A-Z0-9_]+)\b", page.read_text()))
    known = {name.upper() for name in Settings.model_fields}
    assert named <= known


def test_the_metrics_and_spans_on_the_page_are_those_of_the_code() -> None:
    text = (HOW_TO / "watch.md").read_text()
    named = {name for line in text.splitlines() if line.startswith("|") for name in NAME.findall(line)}
    assert {name.removesuffix("_seconds") for name in named} <= {
        name.removesuffix("_bucket").removesuffix("_seconds") for name in list_metrics()
    }
    code = "".join(path.read_text() for path in (ROOT / "worker").rglob("*.py"))
    spans = re.findall(r"`([a-z][a-z ]+)`", text.split("| span | where |", 1)[1])
    assert len(spans) == 7
    for name in spans:
        assert f'"{name}"' in code, name


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool isn't installed (Debian package prometheus)")
def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy/prometheus", tmp_path / "shipped")
    (tmp_path / "shipped/one_machine.yml").write_text(read_blocks("watch", "yaml")[0])
    for name in ("prometheus.yml", "one_machine.yml"):
        command = ["promtool", "check", "config", str(tmp_path / "shipped" / name)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_store_takes_the_lifecycle_rules(s3_endpoint: str) -> None:
    rules: dict[str, Any] = json.loads(read_blocks("s3-versions-and-lifecycle", "json")[0])
    store = boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    store.create_bucket(Bucket="with-versions")
    store.put_bucket_versioning(Bucket="with-versions", VersioningConfiguration={"Status": "Enabled"})
    store.put_bucket_lifecycle_configuration(Bucket="with-versions", LifecycleConfiguration=rules)
    kept = store.get_bucket_lifecycle_configuration(Bucket="with-versions")["Rules"]
    assert {rule["ID"]: rule["Status"] for rule in kept} == {"erased-photos": "Enabled", "unfinished": "Enabled"}
    assert not any("Expiration" in rule for rule in kept), "the database would still name what expired"


def test_what_was_seen_of_a_release_is_what_the_fleets_test_saw_last() -> None:
    seen = json.loads((ROOT / "bench/results/fleet.json").read_text())
    text = " ".join((HOW_TO / "upgrade-and-roll-back.md").read_text().split())
    outcomes = seen["roll"]["outcomes"].values()
    assert f"sent {sum(sum(each.values()) for each in outcomes):,} requests without retries. None failed" in text
    assert {name for each in outcomes for name in each} == {"ok"}
    assert f"the longest took {seen['roll']['longest_s']:g} s." in text
    stop, trained = seen["stop"], seen["training"]
    assert f"the last of them {stop['last_answer_s']} s after SIGTERM and exited after {stop['gone_s']} s" in text
    assert f"{trained['epochs']} epochs" in text
    for kind in ("api", "worker", "training"):
        before, now = (seen["image_mb"].get(f"emoscope-test/{kind}:{tag}") for tag in ("before", "now"))
        size = "" if before is None else f"{before:,}"
        row = f"| {kind} | {size} | {now:,} | {seen['build_s']['after_a_change_of_code'][kind]} |"
        assert " ".join(row.split()) in text


def test_the_fleets_test_follows_each_page_that_has_commands() -> None:
    followed = "".join(path.read_text() for path in (ROOT / "tests/fleet").glob("*.py"))
    for page in PAGES:
        if page.stem in {"analyze-many-photos", "install-on-kubernetes"}:  # of one machine; of a cluster
            continue
        try:
            read_commands(page.stem)
        except LookupError:
            continue
        assert f'"{page.stem}"' in followed, page.stem
