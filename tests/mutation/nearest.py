"""Finds the nearest tests of a module."""

from pathlib import Path

PACKAGES = {name: name for name in ("api", "db", "emoscope", "training", "worker")} | {
    "emoscope_client": "client/src/emoscope_client"
}
"""Each package's folder, from the repository's root."""


def list_modules(root: Path, package: str) -> list[str]:
    """The modules of a package or of a folder in it that have tests of their own, as paths from the root."""
    name, _, inside = package.partition("/")
    folder = root / PACKAGES[name] / inside
    files = [folder.with_suffix(".py")] if folder.with_suffix(".py").is_file() else sorted(folder.rglob("*.py"))
    modules = (str(path.relative_to(root)) for path in files)
    return [path for path in modules if (root / find_own_tests(path)).exists()]


def find_own_tests(path: str) -> str:
    """The test file at a module's mirrored path, whether it is there or not."""
    inside = Path(path.removeprefix("client/src/"))
    return str(Path("tests/unit", inside.parent, f"test_{inside.stem}.py"))


def list_stages(path: str) -> list[str]:
    """Where a mutant of this module is looked for: first its own tests, then all of their folder."""
    own = find_own_tests(path)
    return [own, str(Path(own).parent)]
