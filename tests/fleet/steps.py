"""The steps of the fleet's test, with their checks. Each returns its measurements."""

import json
import os
import signal
import subprocess
import threading
import time
from typing import Any

from tests.fleet import engine, erasing
from tests.fleet.client import CountingClient
from tests.fleet.project import FOLDER, OURS, PHOTO, Fleet

_SLACK_S = 1.0
_TITLE = '{{index .Config.Labels "org.opencontainers.image.title"}}'
_LOOK_FOR_COMPILED = """
import importlib.util as u
names = ("json", "asyncio", "email.message", "sqlalchemy", "api.core.app", "db.jobs.tables")
missing = [name for name in names if not __import__("os").path.exists(u.find_spec(name).cached)]
print(missing or "all")
"""


def analyze(fleet: Fleet, key: str) -> dict[str, Any]:
    """A photo goes in, and its faces come out; so do its pictures; the same request again makes no second job; it is erased."""
    key_of_request = f"fleet-{time.time()}"
    answers = [
        fleet.ask("POST", "/v1/jobs", key, PHOTO, Prefer="wait=60", Idempotency_Key=key_of_request) for _ in range(2)
    ]
    job = answers[0].body
    assert [answer.status for answer in answers] == [200, 200], answers
    assert job["status"] == "succeeded", job
    assert answers[1].body["id"] == job["id"]
    (face,) = job["faces"]
    assert abs(sum(face["probabilities"].values()) - 1) < 1e-3
    for url in (job["photo"]["url"], job["annotated_url"], face["crop_url"]):
        assert fleet.ask("GET", url, key).status == 200, url
    assert fleet.ask("DELETE", job["url"], key).status == 204
    assert fleet.ask("GET", job["url"], key).status == 404
    return {"faces": 1, "emotion": face["emotion"], "detector": face["detector"]}


def kill(fleet: Fleet, key: str, jobs: int) -> dict[str, int]:
    """Three workers; while jobs run, two of them, Redis, the housekeeper, an API and PostgreSQL are killed. Every job ends well."""
    fleet.compose("up", "-d", "--no-build", "--no-recreate", "--no-deps", "--scale", "worker=3", "worker")
    job_ids = [fleet.submit(key) for _ in range(jobs)]
    for service in ("worker", "redis", "housekeeper", "api", "postgres", "worker"):
        # As if it crashed, so that the engine starts it again by its policy; it doesn't after `docker kill`.
        container = fleet.list_containers(service)[0]
        os.kill(int(engine.run("docker", "inspect", "-f", "{{.State.Pid}}", container)), signal.SIGKILL)
        time.sleep(2)
    fleet.up("--no-recreate", "--no-deps", "--scale", "worker=3", "postgres", "redis", "api", "worker", "housekeeper")
    ended = dict(fleet.wait_for(key, job_ids))
    fleet.compose("up", "-d", "--no-build", "--no-recreate", "--no-deps", "worker")
    assert ended == {"succeeded": jobs}, ended
    return ended


def roll(fleet: Fleet, key: str) -> dict[str, Any]:
    """The release before is replaced by this one, brought back, and replaced again, while clients count how requests end."""
    clients = [CountingClient(fleet, key, keeps_connection=keeps) for keeps in (False, True)]
    for client in clients:
        client.start()
    seen: dict[str, Any] = {}
    try:
        for name, tag in (("upgrade", "now"), ("rollback", "before"), ("upgrade_again", "now")):
            before = sum(sum(client.outcomes.values()) for client in clients)
            began = time.monotonic()
            fleet.use_release(tag)
            fleet.follow("upgrade-and-roll-back", "Roll back" if tag == "before" else "Upgrade")
            used = {
                engine.run("docker", "inspect", "-f", "{{.Config.Image}}", each).strip() for each in _list_ours(fleet)
            }
            assert all(image.endswith(f":{tag}") for image in used), used
            seen[name] = {
                "seconds": round(time.monotonic() - began),
                "requests": sum(sum(client.outcomes.values()) for client in clients) - before,
            }
    finally:
        for client in clients:
            client.stop()
    outcomes = {"connects_anew": dict(clients[0].outcomes), "keeps_connection": dict(clients[1].outcomes)}
    seen |= {"outcomes": outcomes, "longest_s": round(max(client.longest_s for client in clients), 1)}
    seen["jobs"] = dict(fleet.wait_for(key, [job_id for client in clients for job_id in client.job_ids]))
    assert all(set(found) == {"ok"} for found in outcomes.values()), outcomes
    assert set(seen["jobs"]) == {"succeeded"}, seen["jobs"]
    return seen


def _list_ours(fleet: Fleet) -> list[str]:
    return [container for service in OURS for container in fleet.list_containers(service)]


def stop_an_api(fleet: Fleet, key: str) -> dict[str, float]:
    """An API that is told to stop answers those who wait at once, and is gone within a second."""
    fleet.compose("stop", "worker")  # so that a job has no result
    fleet.up("--no-recreate", "--no-deps", "--scale", "api=1", "api")
    job_id = fleet.submit(key)
    (container,) = fleet.list_containers("api")
    answered: list[tuple[float, int, str]] = []

    def wait() -> None:
        answer = fleet.ask("GET", f"/v1/jobs/{job_id}?wait=50", key)
        answered.append((time.monotonic(), answer.status, answer.body["status"]))

    waiting = [threading.Thread(target=wait) for _ in range(20)]
    for each in waiting:
        each.start()
    time.sleep(2)  # all of them wait by now
    assert not answered
    since = str(time.time())
    told = time.monotonic()
    engine.run("docker", "kill", "--signal", signal.SIGTERM.name, container)
    engine.run("docker", "wait", container)
    for each in waiting:
        each.join(60)
    last_s = max(at for at, _, _ in answered) - told
    # by the engine's own clock: its command takes a part of a second by itself
    words = ["--since", since, "--until", str(time.time()), "--filter", f"container={container}"]
    words += ["--filter", "event=kill", "--filter", "event=die"]  # a health check has events too, with its command
    events = engine.run("docker", "events", *words, "--format", "{{.Action}} {{.TimeNano}}")
    at = {action: int(nanoseconds) for action, nanoseconds in map(str.split, events.splitlines())}
    gone_s = (at["die"] - at["kill"]) / 1e9
    assert {(status, state) for _, status, state in answered} == {(200, "queued")}, answered
    fleet.compose("start", "worker")
    fleet.up("--no-recreate", "--no-deps", "api")
    assert len(fleet.list_containers("api")) == int(fleet.values["API_REPLICAS"]), "`up` without --scale follows .env"
    fleet.wait_for(key, [job_id])
    seen = {"waiting": len(answered), "last_answer_s": round(last_s, 2), "gone_s": round(gone_s, 2)}
    assert last_s < _SLACK_S, seen
    assert gone_s < _SLACK_S, seen
    return seen


def look_at_confinement(fleet: Fleet) -> dict[str, Any]:
    """Each of our containers runs without root, without capabilities, with a read-only root, and sees only its own secrets.

    Its image has the standard library compiled, and says by its labels what it is.
    """
    seen = {}
    for service in OURS:
        container = fleet.list_containers(service)[0]
        status = engine.run("docker", "exec", container, "cat", "/proc/1/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        environment = engine.run("docker", "exec", container, "env")
        secrets = [name for name in ("POSTGRES_PASSWORD", "GARAGE_RPC_SECRET") if name in environment]
        writable = subprocess.run(["docker", "exec", container, "touch", "/app/x"], capture_output=True, check=False)
        seen[service] = {
            "uid": fields["Uid"].split()[0],
            "capabilities": int(fields["CapEff"], 16),
            "no_new_privileges": fields["NoNewPrivs"] == "1",
            "root_is_read_only": writable.returncode != 0,
            "unused_secrets": secrets,
            "compiled": engine.run("docker", "exec", container, "python", "-c", _LOOK_FOR_COMPILED).strip(),
            "title": engine.run("docker", "inspect", "-f", _TITLE, container).strip(),
        }
        assert seen[service]["uid"] != "0", seen
        assert seen[service]["capabilities"] == 0, seen
        assert seen[service]["no_new_privileges"], seen
        assert seen[service]["root_is_read_only"], seen
        assert not secrets, seen
        assert seen[service]["compiled"] == "all", seen
        assert seen[service]["title"] == "Emoscope", seen
    for module in ("cv2", "_dlib_pybind11", "tensorflow"):
        for service in ("housekeeper", "beat"):
            command = [
                "exec",
                "-T",
                service,
                "python",
                "-c",
                f"import importlib.util as u; print(u.find_spec('{module}'))",
            ]
            assert fleet.compose(*command).strip() == "None", (service, module)
    roles = fleet.ask_database(
        "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = 'emoscope'"
    )
    assert roles == "f", roles
    return seen


def run_as_any_user(fleet: Fleet, uid: int = 12345) -> dict[str, str]:
    """All of ours start as a user that no image knows, and become ready; the trainer on a volume of its own."""
    overlay = FOLDER / "user.json"
    services: dict[str, Any] = {name: {"user": str(uid)} for name in (*OURS, "migrate")}
    services["training"]["volumes"] = ["training-of-another:/data"]
    overlay.write_text(json.dumps({"services": services, "volumes": {"training-of-another": {}}}))
    fleet.files.append(overlay)
    try:
        fleet.up("--no-deps", *OURS)
        return {
            service: engine.run("docker", "exec", fleet.list_containers(service)[0], "id", "-u").strip()
            for service in OURS
        }
    finally:
        fleet.files.remove(overlay)


def back_up_and_restore(fleet: Fleet, key: str, job_ids: list[str]) -> dict[str, Any]:
    """The how-to page, word for word: a backup, all volumes deleted, and a restore. Jobs and key are as they were."""
    backup = fleet.desk / "emoscope.tar"
    before = {job_id: fleet.ask("GET", f"/v1/jobs/{job_id}", key).body for job_id in job_ids}
    photos = fleet.read_photos(key, job_ids)
    fleet.follow("back-up-and-restore", "Back up")
    erase_again = (fleet, key, job_ids[0])
    erasing.erase_job(*erase_again)
    fleet.compose("down", "--volumes", "--timeout", "10")
    fleet.follow("back-up-and-restore", "Restore")
    after = {job_id: fleet.ask("GET", f"/v1/jobs/{job_id}", key).body for job_id in job_ids}
    assert after == before, "the erased job is there again, as the page says"
    assert fleet.read_photos(key, job_ids) == photos
    erasing.erase_job(*erase_again)
    analyze(fleet, key)
    return {"bytes": backup.stat().st_size, "jobs_compared": len(after), "photos_compared": len(photos)}
