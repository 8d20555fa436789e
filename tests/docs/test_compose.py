"""The compose files, the Dockerfile and .env.example agree with the settings and with each other."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from emoscope.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE, GPU = ROOT / "docker-compose.yml", ROOT / "docker-compose.gpu.yml"
FILES = pytest.mark.parametrize("path", [COMPOSE, GPU], ids=lambda path: path.name)

FIXED = {
    "EMOSCOPE_DATABASE_URL",
    "EMOSCOPE_REDIS_URL",
    "EMOSCOPE_BLOB_URL",
    "EMOSCOPE_S3_ENDPOINT",
    "EMOSCOPE_S3_ACCESS_KEY_ID",
    "EMOSCOPE_S3_SECRET_ACCESS_KEY",
}
"""What the compose file says itself: how its containers find each other, and where they keep what."""

SECRET = re.compile(r"PASSWORD|SECRET|KEY|USER|TOKEN|AUTH|PASS")
VARIABLE = re.compile(r"\$\{(\w+)([^}]*)\}")


def has_compose() -> bool:
    """Whether `docker compose` is installed; no engine need run."""
    try:
        done = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=30)
    except OSError:
        return False
    return done.returncode == 0


def read_services(path: Path) -> dict[str, dict[str, Any]]:
    """The services as YAML gives them, with what they share merged in."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())["services"]
    return services


def list_environment(path: Path) -> Iterator[tuple[str, str]]:
    """Name and value of each variable of each service."""
    for service in read_services(path).values():
        yield from service.get("environment", {}).items()


def find_fixed(service: dict[str, Any]) -> set[str]:
    """The settings that a service is given whatever .env says."""
    given = service.get("environment", {})
    return {name for name in given if name.startswith("EMOSCOPE_") and f"${{{name}:-" not in str(given[name])}


def fill_in(text: str, values: dict[str, str]) -> str:
    """What Compose makes of `${NAME:-default}`."""
    return VARIABLE.sub(lambda found: values.get(found[1]) or found[2].removeprefix(":-"), text)


def read_stages() -> dict[str, str]:
    """The Dockerfile's stages, by name."""
    stages = re.split(r"^FROM \S+ AS (\S+)$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(*[iter(stages)] * 2, strict=True))


def list_dockerfile_commands() -> dict[str, list[str]]:
    """The command of each image that has one."""
    commands = {name: re.search(r"^CMD (.+)$", text, re.MULTILINE) for name, text in read_stages().items()}
    return {name: json.loads(found[1]) for name, found in commands.items() if found}


@FILES
def test_every_variable_of_ours_is_a_setting(path: Path) -> None:
    named = {name for name, _ in list_environment(path)} | {name for name, _ in VARIABLE.findall(path.read_text())}
    ours = {name.removeprefix("EMOSCOPE_").lower() for name in named if name.startswith("EMOSCOPE_")}
    assert ours
    assert ours <= set(Settings.model_fields)


OURS = {"migrate", "api", "worker", "housekeeper", "training", "beat"}


def test_settings_reach_every_container_of_ours_and_secrets_only_those_that_use_them() -> None:
    """Compose itself reads .env, with all secrets, only to fill in its file."""
    ours = {name: service for name, service in read_services(COMPOSE).items() if "build" in service}
    assert set(ours) == OURS
    for name, service in ours.items():
        assert service.get("env_file") == [{"path": "emoscope.env", "required": False}], name
        more = {"api": {"EMOSCOPE_TRUSTED_PROXIES"}}.get(name, set())
        assert find_fixed(service) == ({"EMOSCOPE_REDIS_URL"} if name == "beat" else FIXED | more), name
        assert "POSTGRES_PASSWORD" not in str(service), "the service has a role of its own"
        assert "GARAGE_RPC_SECRET" not in str(service), name


def test_our_containers_may_do_nothing_but_run() -> None:
    for name, service in read_services(COMPOSE).items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "mem_limit" in service, name
        if name in OURS:
            assert service["read_only"] is True, name
            assert "cap_add" not in service, name
            assert service["image"].startswith("${"), name
            targets = [mount.split(":")[0] for mount in service["tmpfs"]]
            targets += [volume.rsplit(":", 1)[-1] for volume in service.get("volumes", [])]
            assert {"/tmp", "/data"} <= set(targets), name


def test_images_of_others_are_pinned_by_version_and_digest() -> None:
    others = {name: service["image"] for name, service in read_services(COMPOSE).items() if "build" not in service}
    assert set(others) == {"proxy", "postgres", "redis", "store"}
    for name, image in others.items():
        assert re.fullmatch(r"\$\{\w+_IMAGE:-[\w/]+:v?\d+\.\d+(\.\d+)?@sha256:[0-9a-f]{64}\}", image), name


def test_whoever_starts_a_training_run_knows_whether_there_is_a_dataset() -> None:
    """The API starts runs by a request and by a page, the housekeeper by the schedule, and the trainer does them."""
    for name in ("api", "housekeeper", "training"):
        assert read_services(COMPOSE)[name]["environment"]["EMOSCOPE_DATASET_CSV"] == "${EMOSCOPE_DATASET_CSV:-}", name


def test_health_checks_start_no_interpreter_and_ask_no_database() -> None:
    services = read_services(COMPOSE)
    roles = {"api": "api", "worker": "analysis", "housekeeper": "housekeeping", "training": "training", "beat": "beat"}
    for name, role in roles.items():
        command = services[name]["healthcheck"]["test"]
        assert command[:2] == ["CMD", "healthy"], name
        assert command[3] == role, name


def test_only_the_worker_and_training_images_have_what_finds_faces() -> None:
    targets = {
        name: service["build"]["target"] for name, service in read_services(COMPOSE).items() if "build" in service
    }
    assert {name for name, target in targets.items() if target != "api"} == {"worker", "training"}


def test_dependencies_lie_in_a_layer_before_the_code() -> None:
    stages = read_stages()
    for name in ("api", "worker", "training", "gpu"):
        assert "--no-install-workspace" in stages[f"dependencies-{name}"]
        copies = re.findall(r"^COPY (.+)$", stages[name], re.MULTILINE)
        assert copies == [f"--from=dependencies-{name} /app/.venv /app/.venv", "--from=code /code /app/.venv"]
    copied = re.findall(r"^COPY (.+) \S+$", stages["uv"], re.MULTILINE)
    assert copied == ["deploy/images/uv.txt", "pyproject.toml uv.lock", "client/pyproject.toml", "deploy/images/slim"]
    assert re.search(
        r"^ARG PYTHON_IMAGE=python:\S+@sha256:[0-9a-f]{64}$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    assert re.search(r"^USER [0-9]+:[0-9]+$", stages["runtime"], re.MULTILINE)


def test_on_a_card_only_the_runtime_is_fixed_besides() -> None:
    for name, service in read_services(GPU).items():
        assert find_fixed(service) <= {"EMOSCOPE_RUNTIME"}, name
        assert "env_file" not in service, name


@pytest.mark.parametrize(
    ("values", "published"),
    [
        ({}, ["127.0.0.1:8000:80", "127.0.0.1:8443:443"]),
        ({"EMOSCOPE_PORT": "9000"}, ["127.0.0.1:9000:80", "127.0.0.1:8443:443"]),
        ({"EMOSCOPE_PORT": "", "PUBLISH_ADDRESS": ""}, ["127.0.0.1:8000:80", "127.0.0.1:8443:443"]),
        (
            {"EMOSCOPE_PORT": "80", "HTTPS_PORT": "443", "PUBLISH_ADDRESS": "0.0.0.0"},
            ["0.0.0.0:80:80", "0.0.0.0:443:443"],
        ),
    ],
)
def test_the_proxy_is_published_on_loopback_unless_another_address_is_named(
    values: dict[str, str], published: list[str]
) -> None:
    ports = {name: service["ports"] for name, service in read_services(COMPOSE).items() if "ports" in service}
    assert [fill_in(port, values) for port in ports.pop("proxy")] == published
    assert not ports, "only the proxy is reached from outside"


@FILES
def test_no_secret_has_a_default(path: Path) -> None:
    for name, rest in VARIABLE.findall(path.read_text()):
        assert rest.startswith(":?") or not SECRET.search(name) or name.endswith("_IMAGE"), (
            f"{name} may be missing or has a default"
        )
    for name, value in list_environment(path):
        given = VARIABLE.sub("", str(value))
        is_name = name in {"POSTGRES_USER", "GARAGE_DEFAULT_BUCKET"}
        assert given == "" or is_name or not SECRET.search(name), f"{name} is written down"
    assert not re.search(r"//[^@/$]*:[^@/$]+@", path.read_text()), "a password in an address"


def test_the_example_of_secrets_names_all_that_must_be_set_and_sets_none() -> None:
    example = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    needed = {name for name, rest in VARIABLE.findall(COMPOSE.read_text()) if rest.startswith(":?")}
    assert needed
    assert {name: example.get(name) for name in needed} == dict.fromkeys(needed, "")


def test_every_image_is_one_of_the_dockerfile() -> None:
    for path in (COMPOSE, GPU):
        for name, service in read_services(path).items():
            target = service.get("build", {}).get("target")
            assert target in {None, *list_dockerfile_commands()}, f"{path.name}: {name}"
    assert set(read_services(GPU)) <= set(read_services(COMPOSE))


def test_what_needs_the_schema_waits_for_a_migration_that_is_tried_again_but_not_for_ever() -> None:
    """One that never gives up would leave `docker compose up` waiting, without a word."""
    services = read_services(COMPOSE)
    assert services["migrate"]["restart"].startswith("on-failure:")
    for name in ("api", "worker", "housekeeper", "training", "beat"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}, name


def test_postgresql_is_healthy_once_it_answers_over_tcp() -> None:
    """Its image starts a server on the Unix socket alone, makes user and database, and stops it again."""
    service = read_services(COMPOSE)["postgres"]
    command = service["healthcheck"]["test"]
    assert command[command.index("-h") + 1] == "127.0.0.1"
    assert read_services(COMPOSE)["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_training_is_the_same_on_a_card() -> None:
    """The image for cards analyses unless told otherwise, so the overlay says how to train."""
    assert read_services(GPU)["training"]["command"] == list_dockerfile_commands()["training"]


def test_as_many_children_as_cores_have_a_thread_each_and_training_has_them_all() -> None:
    assert {name for name, text in read_stages().items() if "ENV OMP_NUM_THREADS=1\n" in text} == {"worker"}
    assert "-c" not in list_dockerfile_commands()["worker"], "EMOSCOPE_WORKER_PROCESSES would have no effect"


def test_the_api_has_time_to_end_uploads() -> None:
    grace = read_services(COMPOSE)["api"]["stop_grace_period"]
    assert float(grace.removesuffix("s")) > 15, "Gunicorn's graceful_timeout"


def test_no_container_that_runs_for_long_keeps_logs_without_bound() -> None:
    for name, service in read_services(COMPOSE).items():
        if service.get("restart") == "unless-stopped":
            assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name


def read_config(files: list[Path], folder: Path, lines: str = "") -> dict[str, Any]:
    """What Compose makes of the files, with secrets by the script and further lines in .env. It warns of nothing."""
    made = subprocess.run(["sh", str(ROOT / "deploy/compose/make-env.sh")], capture_output=True, check=True, timeout=30)
    (folder / "env").write_text(made.stdout.decode() + lines)
    words = [word for path in files for word in ("-f", str(path))]
    command = ["docker", "compose", "--env-file", str(folder / "env"), *words, "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    config: dict[str, Any] = json.loads(done.stdout)
    return config


@pytest.mark.skipif(not has_compose(), reason="Docker Compose isn't installed")
@pytest.mark.parametrize("files", [[COMPOSE], [COMPOSE, GPU]], ids=["cpu", "gpu"])
def test_compose_reads_the_files_with_the_secrets_that_the_script_makes(files: list[Path], tmp_path: Path) -> None:
    assert set(read_config(files, tmp_path)["services"]) == set(read_services(COMPOSE))


@pytest.mark.skipif(not has_compose(), reason="Docker Compose isn't installed")
@pytest.mark.parametrize(
    ("lines", "containers"), [("", (1, 1)), ("API_REPLICAS=2\nWORKER_REPLICAS=3\n", (2, 3))], ids=["default", "scaled"]
)
@pytest.mark.parametrize("files", [[COMPOSE], [COMPOSE, GPU]], ids=["cpu", "gpu"])
def test_up_without_scale_starts_as_many_apis_and_workers_as_env_says(
    files: list[Path], lines: str, containers: tuple[int, int], tmp_path: Path
) -> None:
    """Compose takes a service back to one container, whatever `--scale` said before, unless its file names a number."""
    services = read_config(files, tmp_path, lines)["services"]
    assert tuple(services[name]["deploy"]["replicas"] for name in ("api", "worker")) == containers
    assert {name for name, service in services.items() if "replicas" in service.get("deploy", {})} == {"api", "worker"}


@pytest.mark.skipif(not has_compose(), reason="Docker Compose isn't installed")
def test_compose_refuses_to_start_without_secrets_and_says_which() -> None:
    command = ["docker", "compose", "--env-file", str(ROOT / ".env.example"), "-f", str(COMPOSE), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert re.search(r"set \w+ in \.env", done.stderr)
