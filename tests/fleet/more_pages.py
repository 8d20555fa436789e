"""Executes how-to pages on other stacks or machines: install, add a machine."""

import json
import os
import re
import shutil
import subprocess
import textwrap
import time
from collections import Counter
from typing import Any

from tests.fleet import base_images, engine, releases
from tests.fleet.pages import HOW_TO, read_commands
from tests.fleet.project import FOLDER, Fleet
from tests.fleet.steps import analyze
from tests.support.ports import find_free_port

_KEY = re.compile(r"emo_\S+")


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
        listed = engine.run("docker", "compose", "ps", "--format", "{{.Service}}", env=environment, cwd=tree)
        running = Counter(listed.split())
        assert (running["api"], running["worker"]) == (2, 2), "`up -d` without --scale keeps what .env says"
    finally:
        engine.run("docker", "compose", "down", "--volumes", "--timeout", "5", env=environment, cwd=tree)
        shutil.rmtree(tree, ignore_errors=True)
    return {"seconds": round(time.monotonic() - began), "containers": running.total()}


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
            engine.run("docker", "rm", "-fv", container.strip())
            fleet.compose("start", "worker")
    finally:
        fleet.files.remove(path)
    fleet.up("--no-deps", "postgres", "redis", "store")
    return seen | {"jobs_on_the_second_machine": len(lines_of_job)}
