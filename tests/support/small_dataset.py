"""A small dataset in FER2013's form: seven patterns that a network can tell apart, with noise, and votes for them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

FER_NUMBERS = range(7)
VOTE_NAMES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""Vote columns by FER2013's number."""
VOTE_HEADER = "Usage,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def write_small_csv(path: Path, *, training: int = 20, public: int = 6) -> Path:
    """Write that many Training and PublicTest rows of each class, the classes in turn."""
    random = np.random.default_rng(7)
    numbers = [("Training", number) for _ in range(training) for number in FER_NUMBERS]
    numbers += [("PublicTest", number) for _ in range(public) for number in FER_NUMBERS]
    rows = [f"{number},{format_pixels(draw_face(number, random))},{part}" for part, number in numbers]
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return path


def write_small_votes(path: Path, csv_path: Path) -> Path:
    """Write votes for a CSV's rows: eight for the row's own label, one for neutral (nine where that is it), one unknown."""
    columns = VOTE_HEADER.split(",")[1:]
    lines = [VOTE_HEADER]
    for row in csv_path.read_text().splitlines()[1:]:
        number, _, part = row.split(",")
        votes = dict.fromkeys(columns, 0)
        votes[VOTE_NAMES[int(number)]] += 8
        votes["neutral"] += 1
        votes["unknown"] += 1
        lines.append(",".join([part, *(str(votes[column]) for column in columns)]))
    path.write_text("\n".join(lines) + "\n")
    return path


def draw_face(number: int, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A picture of FER emotion `number`: stripes of its own direction and width, with noise."""
    y, x = np.mgrid[:48, :48]
    angle = np.pi * number / 7
    stripes = 127 + 90 * np.sin((x * np.cos(angle) + y * np.sin(angle)) / (2 + number / 2) + random.uniform(0, 1))
    picture: npt.NDArray[np.uint8] = np.clip(stripes + random.normal(0, 25, (48, 48)), 0, 255).astype(np.uint8)
    return picture


def format_pixels(image: npt.NDArray[np.uint8]) -> str:
    """The pixels column of a row."""
    return " ".join(map(str, image.ravel().tolist()))
