"""The images of two releases: this working tree, and the commit before its newest migration."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from tests.fleet import base_images, engine
from tests.fleet.project import ROOT
from tests.support.commits import export_commit, find_commit_before_newest_migration

TARGETS = ("api", "worker", "training")


def find_commit_before() -> str:
    """The commit before the one that added the newest migration, unless FLEET_BEFORE names another."""
    return os.environ.get("FLEET_BEFORE") or find_commit_before_newest_migration()


def build(context: Path, tag: str, targets: tuple[str, ...]) -> dict[str, float]:
    """Build images of a folder. Returns the seconds that each took."""
    taken = {}
    for target in targets:
        began = time.monotonic()
        options = ["--build-arg", f"PYTHON_IMAGE={base_images.choose_images()['PYTHON_IMAGE']}", "--target", target]
        engine.run(
            "docker", "build", "-q", *options, "-t", f"emoscope-test/{target}:{tag}", str(context), timeout_s=3600
        )
        taken[target] = round(time.monotonic() - began, 1)
    return taken


def build_before(commit: str) -> dict[str, float]:
    """Build the images of a commit, as `before`."""
    with tempfile.TemporaryDirectory() as folder:
        export_commit(commit, Path(folder))
        return build(Path(folder), "before", TARGETS)


def time_rebuild_after_a_change(targets: tuple[str, ...]) -> dict[str, float]:
    """Seconds that each image takes after a line of code changed, with the dependencies as they were."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_tree(copy)
        with (copy / "api/core/app.py").open("a") as code:
            code.write(f"\n# {time.time()}\n")
        return build(copy, "changed", targets)


def copy_tree(copy: Path) -> None:
    """Write the files of this working tree, without docs, tests and benches, into a folder."""
    for path in engine.run("git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard").splitlines():
        if (ROOT / path).is_file() and path.split("/")[0] not in {"docs", "tests", "bench"}:
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, copy / path)


def read_sizes() -> dict[str, int]:
    """MB of each image."""
    listed = engine.run(
        "docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=emoscope-test/*"
    )
    sizes = {}
    for name in sorted(set(listed.split())):
        sizes[name] = round(int(engine.run("docker", "image", "inspect", "-f", "{{.Size}}", name)) / 1e6)
    return sizes
