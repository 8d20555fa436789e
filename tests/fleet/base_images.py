"""The base images of Dockerfile and compose file: pulled, or built from Debian's packages without a registry.

    python -m tests.fleet.base_images

Built images contain the real PostgreSQL, Redis, Caddy, PgBouncer, Prometheus and Python; the S3 store is `images/store/store.py`.
"""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.fleet.engine import FOLDER, NEWER_DEBIAN, find_mirror, run, unpack_packages

IMAGES = Path(__file__).parent / "images"
PYTHON, POSTGRES, REDIS, CADDY, STORE, PGBOUNCER, PROMETHEUS = NAMES = (
    "emoscope-test/python",
    "emoscope-test/postgres",
    "emoscope-test/redis",
    "emoscope-test/caddy",
    "emoscope-test/store",
    "emoscope-test/pgbouncer",
    "emoscope-test/prometheus",
)
_PYTHON_PACKAGES = "ca-certificates,netbase,tzdata,python3,python3-pip,python3-venv"
_SERVER_PACKAGES = "ca-certificates,postgresql-18,redis-server,redis-tools,gosu,caddy,pgbouncer,openssl"
PGBOUNCER_TO_PULL = "edoburu/pgbouncer:v1.24.1-p1"
PROMETHEUS_TO_PULL = "prom/prometheus:v3.5.0"
"""The image that the page on watching names."""
_PULL_TIMEOUT_S = 300
ROOT = Path(__file__).parents[2]
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def make_root(release: str, packages: str) -> Path:
    """A Debian file system with these packages; kept for the next time."""
    root = FOLDER / "roots" / release
    if not (root / "etc/emoscope-complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        script = Path("/usr/share/debootstrap/scripts/sid")
        options = ["--variant=minbase", f"--include={packages}"]
        run("debootstrap", *options, release, str(root), find_mirror(), str(script), timeout_s=1200)
        shutil.rmtree(root / "var/lib/apt/lists")
        for package in (root / "var/cache/apt/archives").glob("*.deb"):
            package.unlink()
        if _CERTIFICATES.exists():  # a build trusts whom this machine trusts
            shutil.copy(_CERTIFICATES, root / "etc/ssl/certs/ca-certificates.crt")
        (root / "etc/emoscope-complete").touch()
    return root


def import_root(root: Path, name: str, *changes: str) -> None:
    """Make an image of a file system. changes: lines of a Dockerfile."""
    options = [word for change in changes for word in ("-c", change)]
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        run("docker", "import", *options, "-", name, stdin=tar.stdout)


def has_image(name: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0


def list_shipped() -> dict[str, str]:
    """The images of others that the compose file names, by the variables that name others."""
    text = (ROOT / "docker-compose.yml").read_text()
    return dict(re.findall(r"\$\{(\w+_IMAGE):-([^}\s]+:[^}\s]+)\}", text))


@cache
def choose_images() -> dict[str, str]:
    """The variables that tell the compose file which images to start from: none where it can pull its own.

    PYTHON_IMAGE is there in any case, and so are PGBOUNCER_IMAGE and PROMETHEUS_IMAGE, which only the tests use.
    """
    python = list_shipped()["PYTHON_IMAGE"]
    if can_pull(python):
        return {
            "PYTHON_IMAGE": python,
            "PGBOUNCER_IMAGE": PGBOUNCER_TO_PULL,
            "PROMETHEUS_IMAGE": PROMETHEUS_TO_PULL,
        }
    return {f"{name.rpartition('/')[2].upper()}_IMAGE": name for name in NAMES}


def can_pull(name: str) -> bool:
    """Whether the registry of that image answers."""
    try:
        done = subprocess.run(["docker", "pull", "-q", name], capture_output=True, check=False, timeout=_PULL_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def prepare() -> None:
    """Have the images that `choose_images` names: they are pulled when they are used, or built now."""
    if PYTHON in choose_images().values():
        build()


def build() -> None:
    """Build what is missing of the images named in NAMES."""
    if not has_image(PYTHON):
        path = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
        # Debian wants pip to leave its own folders alone; in an image there is nobody to disturb. `python` is python3 there.
        certificates = "ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"  # uv would trust its own list alone
        root = make_root("trixie", _PYTHON_PACKAGES)
        (root / "usr/local/bin/python").unlink(missing_ok=True)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        import_root(
            root, PYTHON, path, "ENV LANG=C.UTF-8", "ENV PIP_BREAK_SYSTEM_PACKAGES=1", certificates, 'CMD ["python3"]'
        )
    if not has_image("emoscope-test/servers"):
        import_root(make_root(NEWER_DEBIAN, _SERVER_PACKAGES), "emoscope-test/servers", "ENV LANG=C.UTF-8")
    for name in (POSTGRES, REDIS, CADDY, STORE, PGBOUNCER):
        run("docker", "build", "-q", "-t", name, str(IMAGES / name.rpartition("/")[2]))
    if not has_image(PROMETHEUS):
        root = FOLDER / "roots/prometheus"
        unpack_packages(["prometheus", "promtool"], root)
        run("docker", "build", "-q", "-t", PROMETHEUS, "-f", str(IMAGES / "prometheus/Dockerfile"), str(root))


if __name__ == "__main__":
    prepare()
    print(run("docker", "images", "--filter", "reference=emoscope-test/*"))
