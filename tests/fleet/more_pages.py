"""Executes how-to pages on other stacks or machines: install, add a machine, rotate secrets."""

import json
import os
import re
import shutil
import subprocess
import textwrap
import time
from typing import Any

from tests.fleet import base_images, engine, releases
from tests.fleet.pages import HOW_TO, read_commands
from tests.fleet.project import FOLDER, Fleet
from tests.fleet.steps import analyze
from tests.support.ports import find_free_port

_KEY = re.compile(r"emo_\S+")
_PREFIX = 12
"""Characters of a key that `emoscope key list` shows."""
_JOBS = 5
_READ_STORE = """
from db.core.blobs import BlobStore, BlobStoreUnavailable
from emoscope.settings import load_settings
settings = load_settings()
try:
    print(bool(BlobStore(settings.effective_blob_url, settings.s3_options).list_sizes("photos")))
except BlobStoreUnavailable:
    print("BlobStoreUnavailable")
"""


def install() -> dict[str, Any]:
    """The page from its first line to its last, in a copy of the tree, until the service is ready and a key is made."""
    tree = FOLDER / "installed"
    shutil.rmtree(tree, ignore_errors=True)
    releases.copy_tree(tree)
    ports = {"EMOSCOPE_PORT": str(find_free_port()), "HTTPS_PORT": str(find_free_port())}
    environment = {
        **os.environ,
        **base_images.choose_images(),
        **ports,
        "COMPOSE_PROJECT_NAME": "emoscope-test-install",
    }
    began, said = time.monotonic(), ""
    try:
        for block in read_commands("install-a-fleet"):
            said += engine.run("bash", "-euo", "pipefail", "-c", block, env=environment, cwd=tree, timeout_s=3600)
        assert _KEY.search(said), said
        assert '"status":"ready"' in said.replace(" ", ""), said
        running = engine.run("docker", "compose", "ps", "-q", env=environment, cwd=tree).split()
    finally:
        engine.run("docker", "compose", "down", "--volumes", "--timeout", "5", env=environment, cwd=tree)
        shutil.rmtree(tree, ignore_errors=True)
    return {"seconds": round(time.monotonic() - began), "containers": len(running)}


def add_a_machine(fleet: Fleet, key: str) -> dict[str, Any]:
    """The page's override publishes what keeps data, and its command starts a worker that isn't of the compose project.

    This machine's own address on Docker's bridge stands for the first machine's.
    """
    address = engine.run("docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").strip()
    text = (HOW_TO / "add-a-machine.md").read_text()
    (override,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    path = FOLDER / "published.yml"
    path.write_text(textwrap.dedent(override).replace("10.0.0.1", address))
    names = re.findall(r"`(EMOSCOPE_\w+)`", text.split("`worker.env` has", 1)[1].split("\n\n", 1)[0])
    fleet.files.append(path)
    try:
        fleet.up("--no-deps", "postgres", "redis", "store")
        inside = fleet.compose("exec", "-T", "api", "env")
        values = dict(line.split("=", 1) for line in inside.splitlines() if "=" in line)
        lines = [f"{name}={re.sub(r'(postgres|redis|store)(?=[:/][0-9e])', address, values[name])}" for name in names]
        (fleet.desk / "worker.env").write_text("\n".join(lines) + "\n")
        (container,) = fleet.follow("add-a-machine", given=None, **{"emoscope/worker": fleet.values["WORKER_IMAGE"]})
        try:
            fleet.compose("stop", "worker")
            seen = analyze(fleet, key)
            log = subprocess.run(
                ["docker", "logs", container.strip()], capture_output=True, text=True, check=False
            ).stderr
            lines_of_job = [json.loads(line) for line in log.splitlines() if '"job_ended"' in line]
            assert lines_of_job, log[-2000:]
        finally:
            engine.run("docker", "rm", "-f", container.strip())
            fleet.compose("start", "worker")
    finally:
        fleet.files.remove(path)
    fleet.up("--no-deps", "postgres", "redis", "store")
    return seen | {"jobs_on_the_second_machine": len(lines_of_job)}


def rotate_secrets(fleet: Fleet, key: str) -> dict[str, Any]:
    """New passwords of database and queue, a new key of the store and of an application, each while jobs wait.

    The old ones are refused afterwards, but for the application's, which is valid for another day.
    """
    old = dict(fleet.values)
    job_ids = [fleet.submit(key) for _ in range(_JOBS)]
    fleet.follow("rotate-secrets", "The passwords of database and queue")
    job_ids += [fleet.submit(key) for _ in range(_JOBS)]
    fleet.follow("rotate-secrets", "The store's key")
    fleet.read_env()
    changed = ("DATABASE_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
    assert all(fleet.values[name] != old[name] for name in changed)
    job_ids += [fleet.submit(key) for _ in range(_JOBS)]
    ended = dict(fleet.wait_for(key, job_ids))
    assert ended == {"succeeded": 3 * _JOBS}, ended
    fleet.read_photos(key, job_ids)
    url = f"postgresql://emoscope:{old['DATABASE_PASSWORD']}@127.0.0.1/emoscope"
    refused = fleet.compose("exec", "-T", "postgres", "sh", "-c", f"psql '{url}' -c 'SELECT 1' 2>&1 || true")
    assert "password authentication failed" in refused, refused
    redis = fleet.compose("exec", "-T", "-e", f"REDISCLI_AUTH={old['REDIS_PASSWORD']}", "redis", "redis-cli", "ping")
    assert "PONG" not in redis, redis
    assert not can_read_store(fleet, old), "the old key reads the store"
    assert can_read_store(fleet, fleet.values), "the new key doesn't"
    return {"jobs": ended, "old_secrets": "refused", "application": rotate_key(fleet)}


def can_read_store(fleet: Fleet, values: dict[str, str]) -> bool:
    """Whether a key lists the store's photos, asked from the API's container."""
    names = {"EMOSCOPE_S3_ACCESS_KEY_ID": "S3_ACCESS_KEY_ID", "EMOSCOPE_S3_SECRET_ACCESS_KEY": "S3_SECRET_ACCESS_KEY"}
    given = [word for ours, name in names.items() for word in ("-e", f"{ours}={values[name]}")]
    said = fleet.compose("exec", "-T", *given, "api", "python", "-c", _READ_STORE).strip()
    assert said in {"True", "BlobStoreUnavailable"}, said
    return said == "True"


def rotate_key(fleet: Fleet) -> str:
    """An application's key is replaced by the page; both are valid."""
    key = fleet.make_key("rotated")
    (said,) = fleet.follow("rotate-secrets", "An application's key", {"PREFIX": key[:_PREFIX]})
    new = said.split()[-1]
    assert new != key
    assert [fleet.ask("GET", "/v1/jobs?limit=1", each).status for each in (key, new)] == [200, 200]
    return "both valid"
