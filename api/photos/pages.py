"""Pictures on the pages: previews of photos, and crops."""

import io
from uuid import UUID

from flask import Blueprint, Response, abort
from PIL import Image

from api.core.errors import Problem
from api.core.services import get_services
from api.jobs.pages import read_job
from api.photos.render_pool import draw_in_turn
from api.web.site import needs
from db import tables
from db.core.blobs import BlobMissing
from db.core.vocabulary import CROP_SIDE, Role
from db.faces import queries as faces
from db.jobs.actions import is_photo_kept

blueprint = Blueprint("pictures", __name__)

_MAX_SIDE = 1280
"""Longest side of a preview in pixels: sharp on a large screen, but quick to load."""
_CROP_SCALE = 4
_BROWSER_CACHE = "private, max-age=300"
"""Long enough to go back and forth in a review, short enough that erased faces disappear soon."""


@blueprint.get("/jobs/<uuid:job_id>/preview")
@needs(Role.VIEWER)
def show_preview(job_id: UUID) -> Response:
    """Send the photo, upright, as a JPEG that every browser can display."""
    job = read_job(job_id)
    drawn = draw_in_turn(get_services().settings, lambda: _read_photo(job), job.width, (), _MAX_SIDE)
    response = Response(drawn, mimetype="image/jpeg")
    response.headers["Cache-Control"] = _BROWSER_CACHE
    return response


@blueprint.get("/faces/<uuid:face_id>/crop.png")
@needs(Role.VIEWER)
def show_crop(face_id: UUID) -> Response:
    """Send a face's crop, smoothly enlarged four times for people."""
    with get_services().database.read() as session:
        face = faces.get_face(session, face_id)
    if face is None:
        abort(404, "There is no such face, or it was erased.")
    side = CROP_SIDE * _CROP_SCALE
    crop = Image.frombytes("L", (CROP_SIDE, CROP_SIDE), face.crop).resize((side, side), Image.Resampling.BICUBIC)
    made = io.BytesIO()
    crop.save(made, "PNG", compress_level=1)
    response = Response(made.getvalue(), mimetype="image/png")
    response.headers["Cache-Control"] = _BROWSER_CACHE
    return response


def _read_photo(job: tables.Job) -> bytes:
    if job.photo_key is None or not is_photo_kept(job):
        raise Problem("photo_gone", "the photo was deleted, because its retention time is over")
    try:
        return get_services().blobs.get(job.photo_key, job.photo_sha256)
    except BlobMissing as error:
        raise Problem("photo_gone", "the photo was deleted meanwhile") from error
