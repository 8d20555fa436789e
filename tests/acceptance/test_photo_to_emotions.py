"""The main job, from a photo to the emotions of its faces, through real processes in both forms of the service."""

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx
import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from db.accounts.api_keys import create_key, ensure_application, get_application
from db.core.blobs import make_photo_key
from db.core.vocabulary import EMOTIONS, Detector
from db.jobs.queries import get_job
from db.model_versions import actions as model_versions
from db.model_versions import shadow
from db.model_versions.shadow_comparison import compare_live, count_shadow_predictions
from emoscope.stack.demo_photos import FaceBox, compose_page, portrait_photo
from emoscope_client import ApiError, Client, Face, Job
from tests.acceptance.conftest import Service
from tests.support.factories.actors import TEST
from tests.support.hooks import HookReceiver
from tests.support.waiting import wait_until

PAGE = compose_page()
PORTRAIT = portrait_photo("astronaut")


def overlap(face: Face, box: FaceBox) -> float:
    """Intersection over union of a face found and a face that is known to be there."""
    found, (x, y, width, height) = face.bounding_box, box
    across = min(found.x + found.width, x + width) - max(found.x, x)
    down = min(found.y + found.height, y + height) - max(found.y, y)
    if across <= 0 or down <= 0:
        return 0
    return across * down / (found.width * found.height + width * height - across * down)


def assert_all_found(job: Job, boxes: tuple[FaceBox, ...]) -> None:
    assert job.status == "succeeded"
    assert len(job.faces) == len(boxes)
    for box in boxes:
        assert max(overlap(face, box) for face in job.faces) > 0.3


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    register_heif_opener()
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def test_every_face_of_a_page_is_found_with_seven_probabilities(service: Service) -> None:
    job = service.client.analyze(PAGE.data)
    assert_all_found(job, PAGE.faces)
    for face in job.faces:
        probabilities = vars(face.probabilities)
        assert list(probabilities) == list(EMOTIONS)
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-4)
        assert face.confidence == max(probabilities.values()) == probabilities[face.emotion]
    sizes = [face.bounding_box.width * face.bounding_box.height for face in job.faces]
    assert sizes == sorted(sizes, reverse=True)


def test_a_smiling_portrait_appears_happy(service: Service) -> None:
    job = service.client.analyze(PORTRAIT.data)
    assert_all_found(job, PORTRAIT.faces)
    assert job.faces[0].emotion == "happy"


def test_a_challenger_classifies_live_faces_in_shadow_mode(service: Service) -> None:
    with service.database.write() as session:
        champion = model_versions.get_champion(session)
        assert champion is not None
        challenger = next(v for v in model_versions.list_versions(session) if v.id != champion.id)
        shadow.start_shadow(session, challenger, TEST, "beside the champion")

    def count() -> int:
        service.client.analyze(PORTRAIT.data)
        with service.database.read() as session:
            return count_shadow_predictions(session, champion.id, challenger.id).shared

    wait_until(count, "the challenger judges a face")
    with service.database.write() as session:
        found = compare_live(session, champion, challenger, limit=5)
        assert found.same + len(found.differences) == found.shared
        shadow.stop_shadow(session, TEST)
    # what applications see is the champion's answer alone
    assert service.client.analyze(PORTRAIT.data).faces[0].model_version == champion.number


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_boxes_refer_to_the_upright_picture(service: Service, orientation: int) -> None:
    image = Image.open(io.BytesIO(PORTRAIT.data))
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    job = service.client.analyze(encode(image.transpose(turn), "JPEG", exif=exif, quality=92))
    assert (job.photo.width, job.photo.height) == image.size
    assert_all_found(job, PORTRAIT.faces)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_every_picture_format_is_taken(service: Service, form: str) -> None:
    image = Image.open(io.BytesIO(PORTRAIT.data)).convert("RGB")
    assert_all_found(service.client.analyze(encode(image, form)), PORTRAIT.faces)


@pytest.mark.parametrize("detector", [Detector.HOG, Detector.BLAZEFACE])
def test_a_job_may_choose_its_detector(service: Service, detector: Detector) -> None:
    job = service.client.analyze(PORTRAIT.data, detector=detector)
    assert_all_found(job, PORTRAIT.faces)
    with service.database.read() as session:
        stored = get_job(session, job.id)
    assert stored is not None
    assert stored.faces[0].detector is detector


def test_a_job_without_faces_succeeds(service: Service) -> None:
    job = service.client.analyze(encode(Image.new("RGB", (300, 200), "green"), "PNG"))
    assert (job.status, job.faces) == ("succeeded", ())


def test_a_truncated_photo_fails_with_a_code(service: Service) -> None:
    job = service.client.analyze(PAGE.data[: len(PAGE.data) // 2])
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.code == "broken_picture"
    assert job.error.detail


def test_twenty_photos_at_once_are_all_analysed(service: Service) -> None:
    with ThreadPoolExecutor(20) as pool:
        jobs = list(pool.map(lambda _: service.client.analyze(PAGE.data), range(20)))
    assert len({job.id for job in jobs}) == 20
    for job in jobs:
        assert_all_found(job, PAGE.faces)


def test_a_batch_accepts_and_refuses_each_photo_by_itself(service: Service) -> None:
    batch = service.client.wait_for_batch(service.client.create_batch([PORTRAIT.data, b"not a picture", PAGE.data]))
    assert [photo.state for photo in batch.photos] == ["succeeded", "refused", "succeeded"]
    assert [photo.face_count for photo in batch.photos] == [1, None, len(PAGE.faces)]
    assert batch.photos[1].error is not None
    assert batch.photos[1].error.code == "not_a_picture"
    assert len(list(service.client.list_jobs(batch=batch.id))) == 2


def test_the_same_idempotency_key_creates_one_job(service: Service) -> None:
    first = service.client.create_job(PORTRAIT.data, idempotency_key="k1")
    assert service.client.create_job(PORTRAIT.data, idempotency_key="k1").id == first.id
    with pytest.raises(ApiError) as caught:
        service.client.create_job(PAGE.data, idempotency_key="k1")
    assert (caught.value.status, caught.value.code) == (422, "idempotency_conflict")


def test_a_request_that_waits_is_answered_when_the_job_ends(service: Service) -> None:
    job = service.client.create_job(PAGE.data, wait_s=30)
    assert job.status == "succeeded"


def test_pictures_are_served_and_erased_with_the_job(service: Service) -> None:
    job = service.client.analyze(PORTRAIT.data)
    annotated = Image.open(io.BytesIO(service.client.get_annotated_photo(job.id)))
    assert annotated.size == (job.photo.width, job.photo.height)
    crop = Image.open(io.BytesIO(service.client.get_face_crop(job.faces[0].id)))
    assert (crop.size, crop.mode) == ((48, 48), "L")
    assert service.blobs.has(make_photo_key(job.id))
    service.client.erase_job(job.id)
    assert not service.blobs.has(make_photo_key(job.id))
    for call in (lambda: service.client.get_job(job.id), lambda: service.client.get_face_crop(job.faces[0].id)):
        with pytest.raises(ApiError) as caught:
            call()
        assert caught.value.status == 404


def test_an_expired_photo_is_deleted_and_its_faces_stay(service: Service) -> None:
    job = service.client.analyze(PORTRAIT.data, photo_retention_s=0)
    wait_until(lambda: not service.blobs.has(make_photo_key(job.id)), "the photo is deleted")
    assert len(service.client.get_job(job.id).faces) == 1
    assert service.client.get_face_crop(job.faces[0].id)
    with pytest.raises(ApiError) as caught:
        service.client.get_annotated_photo(job.id)
    assert (caught.value.status, caught.value.code) == (410, "photo_gone")


def test_waiting_for_a_batch_creates_it_once(service: Service) -> None:
    """The request waits without a thread and runs again: what it sent must not be read or stored twice."""
    headers = {"Authorization": f"Bearer {service.api_key}", "Prefer": "wait=30"}
    photos = [("image", (f"{number}.jpg", PORTRAIT.data + bytes([number]), "image/jpeg")) for number in range(3)]
    with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
        before = {batch["id"] for batch in client.get("/v1/batches?limit=100").json()["items"]}
        answer = client.post("/v1/batches", files=photos)
        assert (answer.status_code, answer.headers.get("Preference-Applied")) == (200, "wait=30"), answer.text
        assert [photo["state"] for photo in answer.json()["photos"]] == ["succeeded"] * 3
        after = {batch["id"] for batch in client.get("/v1/batches?limit=100").json()["items"]}
    assert after - before == {answer.json()["id"]}


def test_an_application_is_called_back_with_a_signature(service: Service) -> None:
    with HookReceiver(answers=[503, 204]) as receiver:
        job = service.client.create_job(PORTRAIT.data, callback_url=receiver.url)
        first, second = receiver.take(2)
    secret = find_callback_secret(service, job.id)
    for hook in (first, second):
        assert json.loads(hook.body)["type"] == "job.succeeded"
        assert hook.verify(secret) == {
            "id": str(job.id), "status": "succeeded", "batch_id": None, "face_count": 1, "error_code": None, "faces": None,
        }  # fmt: skip
    assert first.id == second.id


def find_callback_secret(service: Service, job_id: UUID) -> str:
    with service.database.read() as session:
        job = get_job(session, job_id)
        assert job is not None
        return get_application(session, job.application_id).callback_secret


def test_another_application_cannot_see_the_job(service: Service) -> None:
    job = service.client.analyze(PORTRAIT.data)
    with service.database.write() as session:
        key = create_key(session, ensure_application(session, "another"))
    with Client(service.url, key) as other:
        assert job.id not in {seen.id for seen in other.list_jobs()}
        with pytest.raises(ApiError) as caught:
            other.get_job(job.id)
        assert caught.value.status == 404


def test_the_service_says_that_it_is_ready_and_what_it_did(service: Service) -> None:
    assert httpx.get(f"{service.url}/readyz").status_code == 200
    assert httpx.get(f"{service.url}/openapi.json").json()["info"]["title"] == "Emoscope"
    service.client.analyze(PORTRAIT.data)
    metrics = httpx.get(f"{service.url}/metrics").text
    assert 'emoscope_recent_jobs{status="succeeded"}' in metrics


def test_a_waiting_request_does_not_block_others(service: Service) -> None:
    done = threading.Event()

    def wait_long() -> None:
        httpx.get(f"{service.url}/healthz", timeout=5)
        done.set()

    with ThreadPoolExecutor(service.settings.api_threads + 1) as pool:
        for _ in range(service.settings.api_threads + 1):
            pool.submit(service.client.analyze, PAGE.data)
        threading.Thread(target=wait_long).start()
        assert done.wait(5)
