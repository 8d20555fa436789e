from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.csv_rows import FORMS
from training.data.fer_csv import PIXELS, parse_rows
from training.errors import DatasetError

HEADER = "emotion,pixels,Usage\n"


def row(values: Sequence[object] | None = None, emotion: object = 3, part: str = "Training") -> str:
    return f"{emotion},{' '.join(map(str, values if values is not None else [7] * PIXELS))},{part}\n"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 150))
def test_every_value_comes_out_as_it_went_in(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 48, 48), np.uint8)
    emotions = random.integers(0, 7, count)
    parts = random.integers(0, 3, count)
    names = ("Training", "PublicTest", "PrivateTest")
    text = HEADER + "".join(
        row(image.ravel().tolist(), emotion, names[part])
        for image, emotion, part in zip(images, emotions, parts, strict=True)
    )
    rows = parse_rows(text.encode())
    assert np.array_equal(rows.images, images)
    assert np.array_equal(rows.emotions, emotions)
    assert np.array_equal(rows.parts, parts)
    assert rows.bad_rows == ()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 255), st.integers(0, 2), st.integers(0, 20), st.sampled_from(b"0129 ,.-:aT\n\t\xb2"))
def test_a_row_with_a_strange_byte_is_read_the_same_among_good_rows_as_beside_a_bad_one(
    value: int, keep: int, place: int, strange: int
) -> None:
    """A bad row makes its whole block be read row by row, so the two ways of reading are held against each other."""
    odd = bytearray(row([value, 25, 100, value, 7] + [199] * (PIXELS - 5)).encode())
    odd[place : place + keep] = bytes([strange])
    quick = parse_rows(HEADER.encode() + row().encode() + odd)
    slow = parse_rows(HEADER.encode() + row().encode() + odd + b"bad\n")
    assert np.array_equal(quick.images, slow.images)
    assert np.array_equal(quick.emotions, slow.emotions)
    assert quick.bad_rows == slow.bad_rows[:-1]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(emotion=7), "emotion '7' is not 0 to 6"),
        (row(emotion="x"), "emotion 'x' is not 0 to 6"),
        (row(emotion="-1"), "emotion '-1' is not 0 to 6"),
        (row([1] * (PIXELS - 1)), "2303 pixels in place of 2304"),
        (row([1] * (PIXELS + 1)), "2305 pixels in place of 2304"),
        (row([256] + [1] * (PIXELS - 1)), "pixel '256' is not 0 to 255"),
        (row([1] * (PIXELS - 1) + [259]), "pixel '259' is not 0 to 255"),
        (row([300] + [1] * (PIXELS - 1)), "pixel '300' is not 0 to 255"),
        (row([512] + [1] * (PIXELS - 1)), "pixel '512' is not 0 to 255"),
        (row([1000] + [1] * (PIXELS - 1)), "pixel '1000' is not 0 to 255"),
        (row(["-5"] + [1] * (PIXELS - 1)), "pixel '-5' is not 0 to 255"),
        (row(["1.5"] + [1] * (PIXELS - 1)), "pixel '1.5' is not 0 to 255"),
        (row(["1e2"] + [1] * (PIXELS - 1)), "pixel '1e2' is not 0 to 255"),
        (row(["²"] + [1] * (PIXELS - 1)), "pixel '²' is not 0 to 255"),
        (row(part="Test"), "Usage 'Test' is not one of Training, PublicTest, PrivateTest"),
        ("\n", "1 fields in place of 3"),
        ("3,1 2 3\n", "2 fields in place of 3"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_reason_and_the_others_are_kept(bad: str, reason: str) -> None:
    rows = parse_rows((HEADER + row(emotion=1) + bad + row(emotion=2)).encode())
    assert [(bad_row.line, bad_row.reason) for bad_row in rows.bad_rows] == [(3, reason)]
    assert rows.emotions.tolist() == [1, 2]
    assert rows.positions.tolist() == [0, 2]
    assert rows.row_count == 3
    assert (rows.images == 7).all()


@pytest.mark.parametrize(
    "text",
    [
        (HEADER + row() + row()).replace("\n", "\r\n"),
        "\ufeff" + HEADER + row() + row(),
        HEADER + row() + row().rstrip("\n"),
        HEADER + row() + row() + "\n\n",
        (HEADER + row() + row() + "\n").replace("\n", "\r\n"),
        HEADER + row().replace(",7 ", ',"7 ').replace("7,T", '7",T') + row(),
        HEADER + row(["7 "] + [7] * (PIXELS - 1)) + row(["007"] + [7] * (PIXELS - 1)),
    ],
    ids=[
        "windows",
        "byte order mark",
        "no last newline",
        "empty lines at the end",
        "the same of Windows",
        "quoted",
        "doubled space and leading zeros",
    ],
)
def test_other_spellings_of_the_same_rows_are_read(text: str) -> None:
    rows = parse_rows(text.encode())
    assert rows.bad_rows == ()
    assert rows.images.shape == (2, 48, 48)
    assert (rows.images == 7).all()


def test_a_row_that_lacks_a_further_column_is_bad_whichever_way_it_is_read() -> None:
    text = "emotion,pixels,Usage,id\n" + row().rstrip() + ",a\n" + row()
    for more in ("", "bad\n"):
        rows = parse_rows((text + more).encode())
        assert [(bad.line, bad.reason) for bad in rows.bad_rows[:1]] == [(3, "3 fields in place of 4")]
        assert len(rows.images) == 1


def test_rows_of_another_form_are_read_as_whole_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row by row is some thirty times as slow."""
    monkeypatch.setattr("training.data.fer_csv._decode_row", lambda *_: pytest.fail("read row by row"))
    for header, form in FORMS:
        line = form.format(emotion=3, pixels=" ".join(["7"] * PIXELS), part="Training")
        assert len(parse_rows(f"{header}\n{line}\n".encode()).images) == 1


def test_a_file_without_a_usable_row_is_refused() -> None:
    with pytest.raises(DatasetError, match="none of the 1 rows can be used: emotion '9'"):
        parse_rows((HEADER + row(emotion=9)).encode())
