"""Error messages that are shown publicly."""

from pathlib import Path

import pytest

from worker.core.error_text import strip_paths


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("/srv/emoscope/model-cache/ab12/model.tflite can't be read", "model.tflite can't be read"),
        ("no such file: '/weights/yunet.onnx'", "no such file: 'yunet.onnx'"),
        ("can't open /srv/blobs/ab/cd: it is /srv/blobs", "can't open cd: it is blobs"),
        ("can't read models/ab12: 3/4 of it is missing", "can't read models/ab12: 3/4 of it is missing"),
        ("https://storage.example/bucket/key doesn't answer", "https://storage.example/bucket/key doesn't answer"),
        ("either / or", "either / or"),
    ],
)
def test_of_a_path_only_the_last_name_stays(reason: str, shown: str) -> None:
    assert strip_paths(reason) == shown


def test_a_folder_that_is_known_may_hold_spaces() -> None:
    reason = "can't open /srv/my blobs/ab/cd, nor /srv/my blobs/ef"
    assert strip_paths(reason, Path("/srv/my blobs")) == "can't open cd, nor ef"
