"""Pictures of a job: the photo, the annotated photo, and the crop of each face."""

import io
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, send_file
from PIL import Image
from pydantic import Field

from api.core.authentication import READS_JOBS, get_caller, needs_scope, protect
from api.core.errors import Problem
from api.core.fields import TextFields
from api.core.openapi import describe_errors, describe_picture
from api.core.services import get_services
from api.jobs.reading import read_visible_job, record_seen
from api.photos.annotate import Label, UnreadablePicture
from api.photos.render_pool import draw_in_turn
from db import tables
from db.core.blobs import BlobMissing
from db.core.vocabulary import CROP_SIDE, JobStatus, Scope
from db.faces import queries as faces
from db.jobs.actions import is_photo_kept
from db.photos.formats import MEDIA_TYPES

blueprint = APIBlueprint("pictures", __name__, url_prefix="/v1", tag="Pictures")
protect(blueprint, *READS_JOBS, Scope.REVIEW, users_may_read=True)


class AnnotatedQuery(TextFields):
    """Size of the annotated photo."""

    max_side: int = Field(
        default=2048, ge=64, le=8192, description="Longest side of the picture, in pixels. It is never enlarged."
    )


class CropQuery(TextFields):
    """Size of the crop."""

    scale: int = Field(
        default=1,
        ge=1,
        le=16,
        description="Enlargement: width and height in which each of the 48 by 48 pixels is drawn.",
    )


@blueprint.get("/jobs/<uuid:job_id>/image")
@needs_scope(*READS_JOBS, or_user=True)
@blueprint.doc(
    summary="The photo",
    description="The bytes that were submitted. Available until their retention time ends.",
    responses={
        **describe_picture(*MEDIA_TYPES),
        **describe_errors("scope_missing", "not_found", "photo_gone", "blob_store_unavailable"),
    },
)
def read_image(job_id: UUID) -> Response:
    """Send a job's photo as submitted."""
    job = read_visible_job(get_services(), get_caller(), job_id)
    return send_file(
        io.BytesIO(_read_photo(job)),
        mimetype=job.media_type,
        download_name=job.filename or f"{job.id}",
        etag=job.photo_sha256,
    )


@blueprint.get("/jobs/<uuid:job_id>/annotated")
@needs_scope(*READS_JOBS, or_user=True)
@blueprint.input(AnnotatedQuery, location="query", arg_name="query")
@blueprint.doc(
    summary="The photo with its faces marked",
    description="The photo, upright, with a box around each face and what it appears to express. A question mark means that "
    "the model is uncertain.",
    responses={
        **describe_picture("image/jpeg"),
        **describe_errors(
            "scope_missing",
            "not_found",
            "no_result",
            "photo_gone",
            "broken_picture",
            "too_much_memory",
            "invalid_request",
            "drawing_busy",
            "blob_store_unavailable",
        ),
    },
)
def read_annotated(job_id: UUID, query: AnnotatedQuery) -> Response:
    """Send a job's photo with its faces drawn."""
    settings = get_services().settings
    job = read_visible_job(get_services(), get_caller(), job_id)
    if job.status is not JobStatus.SUCCEEDED:
        raise Problem("no_result", f"the job is {job.status}; only a job that succeeded has faces to draw")
    record_seen(get_services(), get_caller(), [job_id])
    labels = [
        Label(
            face.x,
            face.y,
            face.width,
            face.height,
            face.emotion,
            face.confidence,
            is_uncertain=face.is_uncertain(settings.uncertain_below),
        )
        for face in job.faces
    ]
    try:
        drawn = draw_in_turn(settings, lambda: _read_photo(job), job.width, labels, query.max_side)
    except UnreadablePicture as error:
        raise Problem(error.code, str(error)) from error
    return Response(drawn, mimetype="image/jpeg")


@blueprint.get("/faces/<uuid:face_id>/crop")
@blueprint.input(CropQuery, location="query", arg_name="query")
@blueprint.doc(
    summary="A face as the model saw it",
    description="Grey, 48 by 48 pixels, as PNG. It is kept after the photo is deleted, until the job is erased.",
    responses={**describe_picture("image/png"), **describe_errors("scope_missing", "not_found", "invalid_request")},
)
def read_crop(face_id: UUID, query: CropQuery) -> Response:
    """Send a face's crop."""
    with get_services().database.read() as session:
        caller = get_caller()
        # Reviewers vote on the faces of every application.
        application_id = None if Scope.REVIEW in caller.scopes else caller.visible_application_id
        face = faces.get_face(session, face_id, application_id)
    if face is None:
        raise Problem("not_found", f"there is no face {face_id}")
    crop = Image.frombytes("L", (CROP_SIDE, CROP_SIDE), face.crop)
    side = CROP_SIDE * query.scale
    made = io.BytesIO()
    crop.resize((side, side), Image.Resampling.NEAREST).save(made, "PNG")
    return Response(made.getvalue(), mimetype="image/png")


def _read_photo(job: tables.Job) -> bytes:
    if job.photo_key is not None and is_photo_kept(job):
        try:
            return get_services().blobs.get(job.photo_key, job.photo_sha256)
        except BlobMissing:
            pass  # deleted or erased since the row was read
    raise Problem("photo_gone", "the photo was deleted, because its retention time is over")
