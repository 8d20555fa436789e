import platform
from pathlib import Path

import pytest

from training.export import processor


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", True),
        ("flags\t\t: fpu avx2 avx_vnni", True),
        ("Features\t: fp asimd asimddp", True),
        ("flags\t\t: fpu avx2 avx512f\nbugs: avx512_vnni", False),
        ("", False),
        (None, False),
    ],
)
def test_a_processor_is_quick_in_8_bits_by_its_flags(
    text: str | None, *, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    assert processor.has_int8_dot_product.__wrapped__(tmp_path / "cpuinfo") is expected


@pytest.mark.parametrize(("machine", "expected"), [("arm64", True), ("x86_64", False)])
def test_apples_own_processors_are(machine: str, *, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert processor.has_int8_dot_product.__wrapped__() is expected
