"""`emoscope dataset check`: warnings and exit status."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emoscope.cli.app import app
from tests.support.small_dataset import write_small_csv

RUNNER = CliRunner()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write the rows of the small dataset whose emotion and part are wanted."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write_some(is_wanted: Callable[[str, str], bool] = lambda *_: True, more: str = "") -> Path:
        path = write_small_csv(tmp_path / "small.csv", training=3, public=2)
        header, *rows = path.read_text().splitlines()
        kept = [row for row in rows if is_wanted(row.split(",")[0], row.split(",")[2])]
        path.write_text("\n".join([header, *kept]) + "\n" + more)
        return path

    return write_some


@pytest.mark.parametrize(("options", "exit_code"), [([], 0), (["--strict"], 1)])
def test_strict_fails_where_a_row_cannot_be_used(
    write: Callable[..., Path], options: list[str], exit_code: int
) -> None:
    done = RUNNER.invoke(app, ["dataset", "check", str(write(more="9,1 2,Training\n")), *options])
    assert done.exit_code == exit_code, done.output
    assert "line 37" in done.stderr


@pytest.mark.parametrize(("options", "exit_code"), [([], 0), (["--strict"], 1)])
def test_a_missing_emotion_is_a_warning(write: Callable[..., Path], options: list[str], exit_code: int) -> None:
    done = RUNNER.invoke(app, ["dataset", "check", str(write(lambda emotion, _: emotion != "1")), *options])
    assert done.exit_code == exit_code, done.output
    said = " ".join(done.stderr.split())
    assert "no Training row is disgusted: a model can't learn it" in said
    assert "no PublicTest row is disgusted: nothing is measured for it" in said


def test_a_dataset_without_rows_to_compare_on_is_a_warning(write: Callable[..., Path]) -> None:
    done = RUNNER.invoke(app, ["dataset", "check", str(write(lambda _, part: part == "Training"))])
    assert (done.exit_code, "there are no PublicTest rows" in done.stderr) == (0, True)


def test_strict_is_content_with_a_whole_dataset(write: Callable[..., Path]) -> None:
    done = RUNNER.invoke(app, ["dataset", "check", str(write()), "--strict"])
    assert (done.exit_code, "warning" in done.stderr) == (0, False)


def test_a_single_emotion_to_train_on_is_an_error(write: Callable[..., Path]) -> None:
    done = RUNNER.invoke(app, ["dataset", "check", str(write(lambda emotion, _: emotion == "3"))])
    assert (done.exit_code, "needs at least two emotions" in " ".join(done.stderr.split())) == (1, True)
