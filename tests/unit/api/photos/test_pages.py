import io
from collections.abc import Callable

from flask.testing import FlaskClient
from PIL import Image

from tests.support.databases import only_sqlite
from tests.support.factories.photos import make_photo
from tests.support.played_worker import PlayedWorker
from tests.support.visitors import Visitor


def test_the_preview_of_a_photo_that_can_not_be_decoded_is_refused_and_its_page_has_none(
    viewer: Visitor, client: FlaskClient, worker: PlayedWorker
) -> None:
    cut = make_photo("PNG", (64, 48))[:-30]
    job_id = client.post("/v1/jobs", data=cut).get_json()["id"]
    preview = viewer.client.get(f"/jobs/{job_id}/preview")
    assert (preview.status_code, preview.mimetype) == (422, "text/html")
    assert "<h1>Not accepted</h1>" in preview.text
    assert f"/jobs/{job_id}/preview" in viewer.get(f"/jobs/{job_id}")  # nobody has found out yet
    worker.fail(worker.claim(job_id), "broken_picture")
    text = viewer.get(f"/jobs/{job_id}")
    assert f"/jobs/{job_id}/preview" not in text
    assert "The photo can't be shown" in text


@only_sqlite
def test_a_crop_is_four_times_as_large_and_kept_by_the_browser_for_minutes(
    viewer: Visitor, submit: Callable[..., str], worker: PlayedWorker, client: FlaskClient
) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see())
    [face] = client.get(f"/v1/jobs/{job_id}").get_json()["faces"]
    answer = viewer.client.get(f"/faces/{face['id']}/crop.png")
    assert Image.open(io.BytesIO(answer.data)).size == (192, 192)
    assert answer.headers["Cache-Control"] == "private, max-age=300"
    assert viewer.client.get(f"/faces/{job_id}/crop.png").status_code == 404


@only_sqlite
def test_a_preview_is_a_jpeg_of_at_most_a_screen_and_gone_with_its_photo(
    viewer: Visitor, client: FlaskClient, worker: PlayedWorker
) -> None:
    large = make_photo("PNG", size=(3000, 1000))
    job_id = client.post("/v1/jobs?photo_retention_s=0", data=large).get_json()["id"]
    shown = Image.open(io.BytesIO(viewer.client.get(f"/jobs/{job_id}/preview").data))
    assert (shown.format, max(shown.size)) == ("JPEG", 1280)
    worker.analyze(job_id)
    assert viewer.client.get(f"/jobs/{job_id}/preview").status_code == 410
