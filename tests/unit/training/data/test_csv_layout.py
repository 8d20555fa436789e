import numpy as np
import pytest

from tests.support.csv_rows import FORMS
from training.data.fer_csv import parse_rows
from training.errors import DatasetError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks emotion, pixels, Usage"),
        ("a,b\n1,2\n", "lacks emotion, pixels, Usage"),
        ("emotion,pixels\n", "lacks Usage"),
        ("emotion,pixels,Usage,emotion\n", "names the column emotion more than once"),
    ],
)
def test_a_header_without_each_column_once_is_refused(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse_rows(text.encode())


@pytest.mark.parametrize(("header", "form"), FORMS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_are_found_by_name_and_further_ones_are_ignored(header: str, form: str, end: str) -> None:
    """More rows than a block has, read quickly; a bad row at the end makes its block be read row by row."""
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (150, 48, 48), np.uint8)
    emotions, parts = random.integers(0, 7, 150), random.integers(0, 3, 150)
    names = ("Training", "PublicTest", "PrivateTest")
    lines = [header] + [
        form.format(emotion=emotion, pixels=" ".join(map(str, image.ravel())), part=names[part])
        for image, emotion, part in zip(images, emotions, parts, strict=True)
    ]
    for more in ([], [form.format(emotion=9, pixels="1", part="Training")], ["0"]):
        rows = parse_rows((end.join(lines + more) + end).encode())
        assert len(rows.bad_rows) == len(more)
        assert np.array_equal(rows.images, images)
        assert np.array_equal(rows.emotions, emotions)
        assert np.array_equal(rows.parts, parts)
