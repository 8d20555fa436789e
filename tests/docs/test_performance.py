"""docs/performance.md matches the results of the benches."""

from pathlib import Path

from bench.write_page import write_page

ROOT = Path(__file__).parents[2]


def test_the_page_is_written_from_the_results() -> None:
    assert (ROOT / "docs/performance.md").read_text() == write_page(), (
        "run: python -m bench.write_page > docs/performance.md"
    )


def test_every_command_of_the_page_is_a_bench() -> None:
    commands = [line.split()[2] for line in write_page().splitlines() if line.startswith("python -m ")]
    assert len(commands) >= 9
    for module in commands:
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module
