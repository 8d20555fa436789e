"""A container engine for the fleet's tests: dockerd, compose and buildx from Debian's packages, started where none runs.

    python -m tests.fleet.engine start | stop

An engine that already runs is used as it is, and is never stopped from here. Everything that this module makes lies in one folder
(`EMOSCOPE_FLEET_DIR`, by default ~/.cache/emoscope-fleet), and deleting that folder undoes it.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("EMOSCOPE_FLEET_DIR") or Path.home() / ".cache/emoscope-fleet")
NEWER_DEBIAN = "forky"
"""The release that has compose and buildx as packages, PostgreSQL 18 and Redis 8."""
PLUGINS = {"docker-compose": "docker compose version", "docker-buildx": "docker buildx version"}
MOST_CACHE = "15gb"
"""Of layers that builds keep. Those of the release before and this one took 9.5 GB; without a limit a day of runs took 48."""
MIRROR_FORMAT = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"]


def run(*command: str, timeout_s: float = 600, **more: Any) -> str:
    """Run a command, return what it printed. Raises CalledProcessError with its output on stderr."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, **more)
    if done.returncode:
        sys.stderr.write(f"{' '.join(command)}\n{done.stdout}{done.stderr}\n")
        done.check_returncode()
    printed: str = done.stdout
    return printed


def does_run(command: str) -> bool:
    return subprocess.run(command.split(), capture_output=True, check=False, timeout=60).returncode == 0


def find_mirror() -> str:
    """The address from which apt installs Debian's packages on this machine."""
    for line in run(*MIRROR_FORMAT).splitlines():
        address, codename = line.split()
        if "-" not in codename:
            return address.rstrip("/")
    message = "apt has no Debian package index here"
    raise SystemExit(message)


def make_apt_options() -> list[str]:
    """Options that let apt read the newer release, without touching the machine's own package lists."""
    root = FOLDER / "apt"
    for name in ("lists/partial", "cache/archives/partial", "parts"):
        (root / name).mkdir(parents=True, exist_ok=True)
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (root / "sources.list").write_text(f"deb [signed-by={keyring}] {find_mirror()} {NEWER_DEBIAN} main\n")
    values = {
        "Dir::Etc::SourceList": root / "sources.list",
        "Dir::Etc::SourceParts": root / "parts",
        "Dir::State::Lists": root / "lists",
        "Dir::Cache": root / "cache",
        "APT::Sandbox::User": "root",
    }
    return [word for name, value in values.items() for word in ("-o", f"{name}={value}")]


def unpack_packages(names: list[str], folder: Path) -> None:
    """Download packages of the newer release and unpack them into `folder`, installing nothing."""
    options = make_apt_options()
    run("apt-get", *options, "update", "-q")
    downloads = folder / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    run("apt-get", *options, "download", *names, cwd=downloads)
    for package in downloads.glob("*.deb"):
        run("dpkg-deb", "-x", str(package), str(folder))
        package.unlink()


def install() -> None:
    """Install dockerd and the client's two plugins where they are missing."""
    if not shutil.which("dockerd"):
        run("apt-get", "update", "-q")
        packages = ["docker.io", "containerd", "runc", "iptables", "debootstrap"]
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        wait = ["-o", "DPkg::Lock::Timeout=240"]
        run("apt-get", *wait, "install", "-y", "--no-install-recommends", *packages, env=quiet)
    missing = [name for name, command in PLUGINS.items() if not does_run(command)]
    if missing:
        unpack_packages(missing, FOLDER / "plugins")
        target = Path.home() / ".docker/cli-plugins"
        target.mkdir(parents=True, exist_ok=True)
        for found in (FOLDER / "plugins").rglob("cli-plugins/docker-*"):
            shutil.copy(found, target)


def start() -> None:
    """Start dockerd where no engine answers, and wait until it does."""
    if does_run("docker info") and does_run("docker compose version"):
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    install()
    if does_run("docker info"):
        return
    # Addresses that a company's network rarely uses, and few for each network, so that many fit.
    networks = ["--bip", "10.213.0.1/24", "--default-address-pool", "base=10.214.0.0/16,size=24"]
    with (FOLDER / "dockerd.log").open("ab") as log:
        command = [
            "dockerd",
            "--data-root",
            str(FOLDER / "docker"),
            *networks,
            "--pidfile",
            str(FOLDER / "dockerd.pid"),
        ]
        subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    for _ in range(80):
        if does_run("docker info"):
            return
        time.sleep(0.5)
    message = f"dockerd didn't start: see {FOLDER / 'dockerd.log'}"
    raise SystemExit(message)


def tidy() -> None:
    """Delete what earlier runs left in an engine that `start` started: images without a name, and layers beyond MOST_CACHE."""
    if not (FOLDER / "dockerd.pid").exists():
        return
    run("docker", "image", "prune", "--force")
    run("docker", "builder", "prune", "--force", "--reserved-space", MOST_CACHE)


def stop() -> None:
    """Stop the dockerd that `start` started."""
    try:
        os.kill(int((FOLDER / "dockerd.pid").read_text()), 15)
    except (FileNotFoundError, ProcessLookupError):
        print("no engine of ours runs")


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]]()
