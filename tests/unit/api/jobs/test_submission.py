"""From a request to a new job."""

from pathlib import Path
from uuid import uuid4

from api.core.authentication import Caller
from api.jobs.options import JobOptions
from api.jobs.submission import make_new_job, make_repeatable
from api.photos.inputs import SentPhoto
from api.photos.uploads import Photo
from db.core.vocabulary import Priority
from db.photos.header import PictureHeader
from emoscope.settings import Settings


def make(folder: Path, options: JobOptions, **batch: object) -> object:
    settings = Settings(_env_file=None, data_dir=folder, photo_retention_s=3600, max_attempts=4)
    photo = Photo(PictureHeader("image/png", 4, 3), "a" * 64, 5, "a.png")
    sent = SentPhoto(photo, lambda: b"12345", "a.png")
    caller = Caller(uuid4(), "shop", uuid4())
    return make_new_job(sent, options, caller, settings, **batch)  # type: ignore[arg-type]


def test_what_the_client_asks_for_goes_before_what_the_service_is_set_to(tmp_path: Path) -> None:
    usual = make(tmp_path, JobOptions())
    asked = make(tmp_path, JobOptions(photo_retention_s=0, priority=Priority.BULK, min_face_px=20))
    assert (usual.photo_retention_s, asked.photo_retention_s) == (3600, 0)  # type: ignore[attr-defined]
    assert (asked.priority, asked.min_face_px, asked.max_attempts) == (Priority.BULK, 20, 4)  # type: ignore[attr-defined]
    assert str(usual.id) in usual.photo_key  # type: ignore[attr-defined]


def test_the_same_photos_and_options_have_the_same_fingerprint_in_their_order() -> None:
    options = JobOptions(min_face_px=20)
    one, same, other, order = (
        make_repeatable("key", asked, marks)
        for asked, marks in (
            (options, ["a", "b"]), (JobOptions(min_face_px=20), ["a", "b"]), (JobOptions(), ["a", "b"]), (options, ["b", "a"]),
        )
    )  # fmt: skip
    assert one == same
    assert len({each.fingerprint for each in (one, other, order) if each}) == 3
    assert make_repeatable(None, options, ["a"]) is None
