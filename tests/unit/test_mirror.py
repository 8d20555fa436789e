"""The tests of a module are at the same path below `tests/unit`."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {name: ROOT / name for name in ("api", "db", "emoscope", "training", "worker")} | {
    "emoscope_client": ROOT / "client/src/emoscope_client"
}


def list_modules() -> Iterator[tuple[Path, Path]]:
    """Each module that defines a function, and where its tests belong. Paths from the repository's root."""
    for name, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder)
            if "migrations" not in inside.parts and defines_function(path.read_text()):
                tests = Path("tests/unit", name, inside.parent, f"test_{inside.stem}.py")
                yield path.relative_to(ROOT), tests


def defines_function(source: str) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(ast.parse(source)))


def test_each_module_that_defines_a_function_has_tests_at_its_path() -> None:
    missing = {str(tests) for _, tests in list_modules() if not (ROOT / tests).exists()}
    assert not missing


def test_what_has_nothing_to_test_needs_no_tests() -> None:
    assert not defines_function("from enum import StrEnum\n\nclass Colour(StrEnum):\n    RED = 'red'\n")
    assert defines_function("class Door:\n    async def open(self) -> None: ...\n")
