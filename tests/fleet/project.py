"""The compose project of the fleet's tests: settings, commands, and HTTP address."""

import functools
import hashlib
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emoscope.stack.demo_photos import portrait_photo
from tests.fleet import base_images, engine
from tests.fleet.pages import read_commands
from tests.support.ports import find_free_port

ROOT = Path(__file__).parents[2]
FOLDER = engine.FOLDER / "run"
PHOTO = portrait_photo("astronaut").data
OURS = ("api", "worker", "housekeeper", "beat", "training")
"""The services that a release replaces."""
_KINDS = ("api", "worker", "training")
_ENDED = {"succeeded", "failed", "canceled"}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. body: its JSON, or None if it has none."""

    status: int
    body: Any


class Fleet:
    """A compose project of the shipped file."""

    def __init__(self, name: str = "emoscope-test") -> None:
        self.name = name
        self.port, self.https_port = find_free_port(), find_free_port()
        self.folder = FOLDER / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.values = self._make_values()
        self.files = [ROOT / "docker-compose.yml"]
        self.desk = self.folder / "desk"
        """Where commands of the pages are typed."""
        self.desk.mkdir(exist_ok=True)
        for name in ("docker-compose.yml", "deploy", ".env.example"):
            (self.desk / name).unlink(missing_ok=True)
            (self.desk / name).symlink_to(ROOT / name)
        self.authority: ssl.SSLContext | None = None
        """Whom clients trust, once the proxy speaks TLS."""
        self.use_release("now")

    def _make_values(self) -> dict[str, str]:
        written = engine.run("sh", str(ROOT / "deploy/compose/make-env.sh"))
        lines = [line.partition("=") for line in written.splitlines() if "=" in line and not line.startswith("#")]
        values = {name: value for name, _, value in lines} | base_images.choose_images()
        return values | {"EMOSCOPE_PORT": str(self.port), "HTTPS_PORT": str(self.https_port)}

    def use_release(self, tag: str) -> None:
        """Have containers that are made from now on run the images of that tag."""
        self.set_values(**{f"{kind.upper()}_IMAGE": f"emoscope-test/{kind}:{tag}" for kind in _KINDS})

    def set_values(self, **values: str) -> None:
        """Change what .env would say."""
        self.values |= values
        (self.folder / "env").write_text("".join(f"{name}={value}\n" for name, value in self.values.items()))

    @property
    def environment(self) -> dict[str, str]:
        """What Compose is told by its environment, as a person would export it."""
        return {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.name,
            "COMPOSE_ENV_FILES": str(self.folder / "env"),
            "COMPOSE_FILE": os.pathsep.join(map(str, self.files)),
        }

    def compose(self, *words: str, timeout_s: float = 900, **more: Any) -> str:
        """Run `docker compose`."""
        return engine.run("docker", "compose", *words, timeout_s=timeout_s, env=self.environment, cwd=ROOT, **more)

    def follow(
        self, page: str, heading: str = "", given: Mapping[str, str] | None = None, **replaced: str
    ) -> list[str]:
        """Do what a how-to page says, in a shell, in a folder that looks like the repository's. Returns what each block printed.

        given: variables that the reader has set. replaced: words of the page that stand for what only this machine knows.
        """
        said = []
        for block in read_commands(page, heading):
            command = functools.reduce(lambda text, pair: text.replace(*pair), replaced.items(), block)
            said.append(self.type_in(command, given))
        return said

    def type_in(self, command: str, given: Mapping[str, str] | None = None) -> str:
        """Run a command in the shell. given: variables that are set. Returns what was printed."""
        environment = {**self.environment, **(given or {})}
        words = ["bash", "-euo", "pipefail", "-c", command]
        return engine.run(*words, env=environment, cwd=self.desk, timeout_s=1200)

    def read_env(self) -> None:
        """Take over what a page's commands wrote into .env."""
        lines = (self.folder / "env").read_text().splitlines()
        self.values |= {name: value for name, _, value in (line.partition("=") for line in lines)}

    def ask_database(self, statement: str) -> str:
        """What PostgreSQL answers its superuser."""
        words = ["exec", "-T", "postgres", "psql", "-U", "postgres", "-d", "emoscope", "-tAc", statement]
        return self.compose(*words).strip()

    def up(self, *words: str) -> None:
        """Start services and wait until they are healthy."""
        self.compose("up", "-d", "--no-build", "--wait", "--wait-timeout", "400", *words)

    def list_containers(self, service: str) -> list[str]:
        """The ids of a service's running containers."""
        return self.compose("ps", "-q", service).split()

    def make_key(self, name: str) -> str:
        """A key without a limit that matters here."""
        words = [
            "emoscope",
            "key",
            "create",
            name,
            "--rate-limit",
            "100000/minute",
            "--scope",
            "submit",
            "--scope",
            "review",
            "--scope",
            "admin",
        ]
        return self.compose("exec", "-T", "api", *words).split()[-1]

    @property
    def url(self) -> str:
        """Where clients find the proxy."""
        return f"https://localhost:{self.https_port}" if self.authority else f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, key: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request. Raises OSError if no answer comes."""
        request = urllib.request.Request(self.url + path, body, method=method)
        for name, value in {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg", **headers}.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=90, context=self.authority) as answer:
                content = answer.read()
                is_json = "json" in answer.headers.get("Content-Type", "")
                return Answer(answer.status, json.loads(content) if is_json and content else content)
        except urllib.error.HTTPError as error:
            return Answer(error.code, None)

    def submit(self, key: str, **headers: str) -> str:
        """Submit a photo. Returns the job's id."""
        answer = self.ask("POST", "/v1/jobs", key, PHOTO, **headers)
        assert answer.status in {200, 202}, answer
        return str(answer.body["id"])

    def read_photos(self, key: str, job_ids: list[str]) -> dict[str, str]:
        """The digest of each job's photo."""
        digests = {}
        for job_id in job_ids:
            answer = self.ask("GET", self.ask("GET", f"/v1/jobs/{job_id}", key).body["photo"]["url"], key)
            assert answer.status == 200, job_id
            digests[job_id] = hashlib.sha256(answer.body).hexdigest()
        return digests

    def read_statuses(self, key: str, job_ids: list[str]) -> Counter[str]:
        """How many of these jobs are in each status."""
        return Counter(str(self.ask("GET", f"/v1/jobs/{job_id}", key).body["status"]) for job_id in job_ids)

    def wait_for(self, key: str, job_ids: list[str], timeout_s: float = 300) -> Counter[str]:
        """Wait until all of these jobs have ended. Returns how many ended in each status."""
        end = time.monotonic() + timeout_s
        while not set(found := self.read_statuses(key, job_ids)) <= _ENDED and time.monotonic() < end:
            time.sleep(1)
        return found
