"""A small dataset in FER2013's form, made by the tests: seven patterns that a network can tell apart, with noise."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

FER_NUMBERS = range(7)
VOTE_NAMES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""Vote columns by FER2013's number."""
VOTE_HEADER = "Usage,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def draw_face(number: int, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A picture of FER emotion `number`: stripes of its own direction and width, with noise."""
    y, x = np.mgrid[:48, :48]
    angle = np.pi * number / 7
    stripes = 127 + 90 * np.sin((x * np.cos(angle) + y * np.sin(angle)) / (2 + number / 2) + random.uniform(0, 1))
    return np.clip(stripes + random.normal(0, 25, (48, 48)), 0, 255).astype(np.uint8)


def format_row(number: object, pixels: npt.NDArray[np.uint8], part: str) -> str:
    return f"{number},{' '.join(map(str, pixels.ravel().tolist()))},{part}"


def write_csv(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def small_rows() -> list[str]:
    """140 Training and 42 PublicTest rows, every class alike."""
    random = np.random.default_rng(7)
    numbers = [("Training", number) for _ in range(20) for number in FER_NUMBERS]
    numbers += [("PublicTest", number) for _ in range(6) for number in FER_NUMBERS]
    return [format_row(number, draw_face(number, random), part) for part, number in numbers]


@pytest.fixture(scope="session")
def small_csv(tmp_path_factory: pytest.TempPathFactory, small_rows: list[str]) -> Path:
    return write_csv(tmp_path_factory.mktemp("small") / "small.csv", small_rows)


@pytest.fixture(scope="session")
def small_votes(tmp_path_factory: pytest.TempPathFactory, small_rows: list[str]) -> Path:
    """Eight votes for each row's own label, one for neutral, one unknown; neutral rows have nine."""
    columns = VOTE_HEADER.split(",")[1:]
    lines = [VOTE_HEADER]
    for row in small_rows:
        number, _, part = row.split(",")
        votes = dict.fromkeys(columns, 0)
        votes[VOTE_NAMES[int(number)]] += 8
        votes["neutral"] += 1
        votes["unknown"] += 1
        lines.append(",".join([part, *(str(votes[column]) for column in columns)]))
    path = tmp_path_factory.mktemp("votes") / "votes.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test touches the user's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"
