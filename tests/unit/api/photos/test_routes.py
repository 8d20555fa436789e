"""The photo, the photo with its faces marked, and crops, over HTTP."""

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import update

from api.core.services import Services
from db.core.blobs import BlobStore, make_photo_key
from db.core.vocabulary import CROP_SIDE, Emotion
from db.jobs.tables import Job
from emoscope.settings import Settings
from tests.support.factories.photos import make_photo

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def open_image(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_the_photo_comes_back_as_it_was_sent(client: FlaskClient) -> None:
    photo = make_photo("PNG")
    job = client.post("/v1/jobs", data={"image": (io.BytesIO(photo), "Büro.png")}).get_json()
    response = client.get(job["photo"]["url"])
    assert response.data == photo
    assert response.mimetype == "image/png"
    assert "filename*=UTF-8''B%C3%BCro.png" in response.headers["Content-Disposition"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response.headers["Cache-Control"]
    again = client.get(job["photo"]["url"], headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_a_photo_whose_time_is_over_is_gone(
    client: FlaskClient, submit: Callable[..., str], worker: Any, services: Services
) -> None:
    job_id = submit(photo_retention_s=0)
    worker.analyze(job_id, worker.see())
    for path in ("image", "annotated"):
        response = client.get(f"/v1/jobs/{job_id}/{path}")
        assert (response.status_code, response.get_json()["code"]) == (410, "photo_gone")
    job = client.get(f"/v1/jobs/{job_id}").get_json()
    assert (job["photo"]["url"], job["annotated_url"]) == (None, None)
    assert client.get(job["faces"][0]["crop_url"]).status_code == 200


def test_a_purged_photo_changes_the_etag(
    client: FlaskClient, submit: Callable[..., str], worker: Any, services: Services
) -> None:
    job_id = submit()
    worker.analyze(job_id)
    etag = client.get(f"/v1/jobs/{job_id}").headers["ETag"]
    with services.database.write() as session:
        session.execute(update(Job).values(photo_key=None, purge_photo_at=None))
    response = client.get(f"/v1/jobs/{job_id}", headers={"If-None-Match": etag})
    assert response.get_json()["photo"]["url"] is None


def test_a_photo_that_vanished_is_gone_and_one_that_changed_is_damaged(
    client: FlaskClient, submit: Callable[..., str], blob_store: BlobStore
) -> None:
    job_id = submit()
    blob_store.put(make_photo_key(UUID(job_id)), b"something else")
    assert client.get(f"/v1/jobs/{job_id}/image").get_json()["code"] == "blob_damaged"
    blob_store.delete(make_photo_key(UUID(job_id)))
    assert client.get(f"/v1/jobs/{job_id}/image").get_json()["code"] == "photo_gone"


def test_the_annotated_photo_is_upright_with_its_boxes(client: FlaskClient, worker: Any) -> None:
    photo = make_photo("JPEG", (400, 300), "white", orientation=6)
    job = client.post("/v1/jobs", data=photo).get_json()
    assert (job["photo"]["width"], job["photo"]["height"]) == (300, 400)
    worker.analyze(job["id"], worker.see(Emotion.ANGRY, 0.9, (100, 200, 80, 90)), size=(300, 400))
    response = client.get(f"/v1/jobs/{job['id']}/annotated")
    image = open_image(response.data)
    assert response.mimetype == "image/jpeg"
    assert image.size == (300, 400)
    assert image.getpixel((140, 245)) == (255, 255, 255)  # inside the box
    for edge in ((100, 245), (180, 245), (140, 290)):
        red, green, blue = np.asarray(image.convert("RGB"))[edge[1], edge[0]].astype(int)
        assert red > green + 60 > blue, edge


def test_the_annotated_photo_is_made_no_larger_than_asked(client: FlaskClient, worker: Any) -> None:
    job = client.post("/v1/jobs", data=make_photo("JPEG", (400, 300))).get_json()
    worker.analyze(job["id"], size=(400, 300))
    url = f"/v1/jobs/{job['id']}/annotated"
    assert open_image(client.get(f"{url}?max_side=200").data).size == (200, 150)
    assert open_image(client.get(f"{url}?max_side=8000").data).size == (400, 300)
    assert client.get(f"{url}?max_side=1").status_code == 422


def test_there_is_nothing_to_draw_without_a_result(client: FlaskClient, submit: Callable[..., str]) -> None:
    response = client.get(f"/v1/jobs/{submit()}/annotated")
    assert (response.status_code, response.get_json()["code"]) == (409, "no_result")


def test_a_crop_is_what_the_model_saw(client: FlaskClient, submit: Callable[..., str], worker: Any) -> None:
    job_id = submit()
    face = worker.see()
    worker.analyze(job_id, face)
    url = client.get(f"/v1/jobs/{job_id}").get_json()["faces"][0]["crop_url"]
    crop = open_image(client.get(url).data)
    assert (crop.mode, crop.size, crop.tobytes()) == ("L", (CROP_SIDE, CROP_SIDE), face.crop)
    large = open_image(client.get(f"{url}?scale=4").data)
    assert large.size == (4 * CROP_SIDE, 4 * CROP_SIDE)
    assert large.getpixel((4 * 47, 0)) == 47


@pytest.mark.parametrize("scale", ["0", "17", "x"])
def test_a_scale_that_is_none_is_refused(client: FlaskClient, scale: str) -> None:
    assert client.get(f"/v1/faces/{uuid4()}/crop?scale={scale}").status_code == 422


def test_a_face_that_is_not_there_is_not_found(client: FlaskClient, settings: Settings) -> None:
    assert client.get(f"/v1/faces/{uuid4()}/crop").get_json()["code"] == "not_found"
    assert client.get("/v1/faces/nonsense/crop").get_json()["code"] == "not_found"
