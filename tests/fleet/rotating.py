"""The page on rotating secrets, word for word: each old secret is refused afterwards, the new one is taken, and jobs go on."""

import http.client
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from standardwebhooks import WebhookVerificationError

from tests.fleet import engine
from tests.fleet.hooks import URL, Receiver, start_receiver
from tests.fleet.pages import read_commands
from tests.fleet.project import PHOTO, ROOT, Fleet
from tests.support.hooks import Hook

PAGE = "rotate-secrets"
_PREFIX = 12
"""Characters of a key that `emoscope key list` shows."""
_JOBS = 5
_APPLICATION = "rotated"
_JSON = {"Content_Type": "application/json"}
_READ_STORE = """
from db.core.blobs import BlobStore, BlobStoreUnavailable
from emoscope.settings import load_settings
settings = load_settings()
try:
    print(bool(BlobStore(settings.effective_blob_url, settings.s3_options).list_sizes("photos")))
except BlobStoreUnavailable:
    print("BlobStoreUnavailable")
"""
Values = dict[str, str]
"""What .env says."""


@dataclass(frozen=True)
class Rotation:
    """A section that gives secrets of .env new values. checks: by the names of the secrets, whether a value is accepted."""

    heading: str
    checks: dict[str, Callable[[Fleet, Values], bool]]


def rotate_secrets(fleet: Fleet, key: str) -> dict[str, Any]:
    """Follow every section, with jobs before and after each of those that change .env."""
    seen: dict[str, Any] = {}
    for rotation in ROTATIONS:
        seen[rotation.heading] = _rotate_in_env(fleet, key, rotation)
    with start_receiver(fleet) as receiver:
        seen["Webhook secrets"] = _rotate_webhook_secrets(fleet, receiver)
    seen["An application's key"] = _rotate_key(fleet)
    seen["A user's password"] = _rotate_password(fleet)
    return seen


def _rotate_in_env(fleet: Fleet, key: str, rotation: Rotation) -> dict[str, Any]:
    old = dict(fleet.values)
    job_ids = [fleet.submit(key) for _ in range(_JOBS)]
    fleet.follow(PAGE, rotation.heading)
    fleet.read_env()
    job_ids += [fleet.submit(key) for _ in range(_JOBS)]
    ended = dict(fleet.wait_for(key, job_ids))
    assert ended == {"succeeded": 2 * _JOBS}, ended
    fleet.read_photos(key, job_ids)
    changed = {name for name in old if fleet.values[name] != old[name]}
    assert changed == set(rotation.checks), changed
    for name, is_accepted in rotation.checks.items():
        assert not is_accepted(fleet, old), f"the old {name} is accepted"
        assert is_accepted(fleet, fleet.values), f"the new {name} isn't accepted"
    return {"jobs": ended, "old": "refused", "new": "accepted"}


def _opens_database(role: str, name: str) -> Callable[[Fleet, Values], bool]:
    """Whether PostgreSQL admits a role with the password of that name, over the network."""

    def ask(fleet: Fleet, values: Values) -> bool:
        command = f"psql -h postgres -U {role} -d emoscope -tAc 'SELECT 1' 2>&1 || true"
        given = f"PGPASSWORD={values[name]}"
        said = fleet.compose("exec", "-T", "-e", given, "postgres", "sh", "-c", command).strip()
        assert said == "1" or "password authentication failed" in said, said
        return said == "1"

    return ask


def _opens_queue(fleet: Fleet, values: Values) -> bool:
    given = f"REDISCLI_AUTH={values['REDIS_PASSWORD']}"
    return "PONG" in fleet.compose("exec", "-T", "-e", given, "redis", "redis-cli", "ping")


def _reads_store(fleet: Fleet, values: Values) -> bool:
    """Whether a key lists the store's photos, asked from the API's container."""
    names = {"EMOSCOPE_S3_ACCESS_KEY_ID": "S3_ACCESS_KEY_ID", "EMOSCOPE_S3_SECRET_ACCESS_KEY": "S3_SECRET_ACCESS_KEY"}
    given = [word for ours, name in names.items() for word in ("-e", f"{ours}={values[name]}")]
    said = fleet.compose("exec", "-T", *given, "api", "python", "-c", _READ_STORE).strip()
    assert said in {"True", "BlobStoreUnavailable"}, said
    return said == "True"


def _commands_store(fleet: Fleet, values: Values) -> bool:
    """Whether Garage's command line, which calls its server as another node would, is answered. Its image has no shell."""
    words = ["exec", "-T", "-e", f"GARAGE_RPC_SECRET={values['GARAGE_RPC_SECRET']}", "store", "/garage", "status"]
    done = subprocess.run(
        ["docker", "compose", *words], env=fleet.environment, cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    return done.returncode == 0


ROTATIONS = (
    Rotation(
        "The passwords of database and queue",
        {"DATABASE_PASSWORD": _opens_database("emoscope", "DATABASE_PASSWORD"), "REDIS_PASSWORD": _opens_queue},
    ),
    Rotation(
        "The password of PostgreSQL's superuser",
        {"POSTGRES_PASSWORD": _opens_database("postgres", "POSTGRES_PASSWORD")},
    ),
    Rotation("The store's key", {"S3_ACCESS_KEY_ID": _reads_store, "S3_SECRET_ACCESS_KEY": _reads_store}),
    Rotation("The store's own secret", {"GARAGE_RPC_SECRET": _commands_store}),
)


def _rotate_webhook_secrets(fleet: Fleet, receiver: Receiver) -> dict[str, str]:
    """Calls are signed by both secrets during the overlap, and by the new one alone without one."""
    rotate, rotate_at_once, rotate_callbacks = read_commands(PAGE, "Webhook secrets")
    key = fleet.make_key(_APPLICATION)
    wanted = json.dumps({"url": URL, "events": ["job.succeeded"]}).encode()
    made = fleet.ask("POST", "/v1/webhooks", key, wanted, **_JSON).body
    given = {"ENDPOINT": made["webhook"]["id"], "APPLICATION": _APPLICATION}

    def call(path: str = "/v1/jobs") -> Hook:
        job = fleet.ask("POST", path, key, PHOTO, Prefer="wait=60").body
        assert job["status"] == "succeeded", job
        return receiver.take()

    def change(command: str) -> str:
        return fleet.type_in(command, given).split()[-1]

    secrets = [made["secret"]]
    assert _is_signed_by(call(), secrets) == [True]
    secrets.append(change(rotate))
    assert _is_signed_by(call(), secrets) == [True, True]
    secrets.append(change(rotate_at_once))
    assert _is_signed_by(call(), secrets) == [False, False, True]

    assert fleet.ask("DELETE", f"/v1/webhooks/{given['ENDPOINT']}", key).status == 204
    path = f"/v1/jobs?{urlencode({'callback_url': URL})}"
    secrets = [change(rotate_callbacks), change(rotate_callbacks)]
    assert _is_signed_by(call(path), secrets) == [True, True]
    secrets.append(change(f"{rotate_callbacks.rstrip()} --overlap-hours 0"))
    assert _is_signed_by(call(path), secrets) == [False, False, True]
    return {"during the overlap": "signed by both", "without an overlap": "signed by the new one alone"}


def _is_signed_by(hook: Hook, secrets: list[str]) -> list[bool]:
    """Whether a receiver with each of these secrets accepts the call."""

    def accepts(secret: str) -> bool:
        try:
            hook.verify(secret)
        except WebhookVerificationError:
            return False
        return True

    return [accepts(secret) for secret in secrets]


def _rotate_key(fleet: Fleet) -> dict[str, str]:
    """An application's key is replaced by the page. Both are valid, until the old one is revoked."""
    key = fleet.make_key(_APPLICATION)
    rotate, revoke = read_commands(PAGE, "An application's key")
    new = fleet.type_in(rotate, {"PREFIX": key[:_PREFIX]}).split()[-1]
    assert new != key
    assert [fleet.ask("GET", "/v1/jobs?limit=1", each).status for each in (key, new)] == [200, 200]
    fleet.type_in(revoke, {"PREFIX": key[:_PREFIX]})
    assert [fleet.ask("GET", "/v1/jobs?limit=1", each).status for each in (key, new)] == [401, 200]
    return {"after rotate": "both valid", "after revoke": "the old one is refused"}


def _rotate_password(fleet: Fleet) -> dict[str, str]:
    """A user's old password is refused at the sign-in, and the new one is taken."""
    name, old, new = "rotated", "the first long password", "the second long password"
    create = f"docker compose exec -T api emoscope user create {name} --role viewer"
    engine.run("bash", "-c", create, env=fleet.environment, cwd=ROOT, input=f"{old}\n")
    assert _sign_in(fleet, name, old) == 303
    fleet.follow(PAGE, "A user's password", {"NAME": name, "PASSWORD": new})
    assert _sign_in(fleet, name, old) == 403
    assert _sign_in(fleet, name, new) == 303
    return {"old": "refused", "new": "accepted"}


def _sign_in(fleet: Fleet, name: str, password: str) -> int:
    """The status of the form's answer."""
    connection = http.client.HTTPConnection("127.0.0.1", fleet.port, timeout=60)
    form = urlencode({"name": name, "password": password})
    connection.request("POST", "/sign-in", form, {"Content-Type": "application/x-www-form-urlencoded"})
    status = connection.getresponse().status
    connection.close()
    return status
