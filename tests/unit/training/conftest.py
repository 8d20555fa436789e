"""The small dataset, and a separate cache for each test."""

from pathlib import Path

import pytest

from tests.support.small_dataset import write_small_csv, write_small_votes


@pytest.fixture(scope="session")
def small_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """140 Training and 42 PublicTest rows, every class alike."""
    return write_small_csv(tmp_path_factory.mktemp("small") / "small.csv")


@pytest.fixture(scope="session")
def small_votes(tmp_path_factory: pytest.TempPathFactory, small_csv: Path) -> Path:
    """Votes for its rows, whose majority is the row's own label."""
    return write_small_votes(tmp_path_factory.mktemp("votes") / "votes.csv", small_csv)


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test touches the user's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"
