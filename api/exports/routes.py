"""Exports of results as CSV or JSON Lines: small ones are streamed, large ones are written to a file."""

from http import HTTPStatus
from time import monotonic
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, url_for

from api.core.authentication import READS_JOBS, Caller, get_caller, protect
from api.core.openapi import describe_errors, describe_response
from api.core.paging import read_page
from api.core.responses import respond
from api.core.services import Services, get_services
from api.exports.schemas import Export, ExportListQuery, ExportPage, ExportQuery, export_to_schema
from api.jobs.filter import make_filter
from api.jobs.reading import WaitQuery
from api.jobs.routes import POLL_AFTER_S
from db import tables
from db.core.blobs import BlobMissing
from db.core.vocabulary import TERMINAL_STATUSES, ExportFormat, JobStatus
from db.exports import actions
from db.exports.actions import ExportNotReady, UnknownExport
from db.exports.writing import MEDIA_TYPES

blueprint = APIBlueprint("exports", __name__, url_prefix="/v1/exports", tag="Exports")
protect(blueprint, *READS_JOBS, users_may_read=True)

_TEXT = {"type": "string", "format": "binary"}
_FILE = describe_response(200, "The rows.", {"text/csv": _TEXT, "application/jsonl": _TEXT})


@blueprint.get("/rows")
@blueprint.input(ExportQuery, location="query", arg_name="query")
@blueprint.doc(
    summary="Stream results",
    description="The rows of at most `EMOSCOPE_EXPORT_STREAM_JOBS` jobs, newest first, in the answer itself. In CSV, text that a "
    "spreadsheet would take for a formula has an apostrophe before it.",
    responses={**_FILE, **describe_errors("invalid_request", "scope_missing", "export_too_large")},
)
def stream_rows(query: ExportQuery) -> Response:
    """Stream the rows of some jobs."""
    services, caller = get_services(), get_caller()
    with services.database.read() as session:
        wanted = make_filter(session, caller, query)
    pieces = actions.stream_rows(
        services.database, wanted, query.rows, query.format, services.settings.export_stream_jobs
    )
    return _send(pieces, query.format, f"{query.rows}.{query.format}")


@blueprint.post("")
@blueprint.input(ExportQuery, location="query", arg_name="query")
@blueprint.output(Export, status_code=HTTPStatus.ACCEPTED, description="The export, queued.")
@blueprint.doc(
    summary="Export results to a file",
    description="Writes the rows to a file, however many there are, newest job first. Poll it, or use the webhook event "
    "`export.finished`. The file is kept for `EMOSCOPE_EXPORT_RETENTION_S`. Jobs erased after it was written are still in "
    "it, so delete it when it is no longer needed.",
    responses=describe_errors("invalid_request", "scope_missing", "too_many_exports"),
)
def create_export(query: ExportQuery) -> Response:
    """Create an export."""
    services, caller = get_services(), get_caller()
    with services.database.write() as session:
        wanted = make_filter(session, caller, query)
        export = actions.create_export(
            session, caller.application_id, wanted, query.rows, query.format, actor=caller.actor
        )
    services.ask_for_export(export.id)
    with services.database.read() as session:  # an export of a test key is already written
        export = actions.find_export(session, export.id, caller.application_id)
    response = _show(export)
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = url_for(".read_export", export_id=export.id)
    response.headers["Retry-After"] = str(POLL_AFTER_S)
    return response


@blueprint.get("")
@blueprint.input(ExportListQuery, location="query", arg_name="query")
@blueprint.output(ExportPage, description="A page of exports, newest first.")
@blueprint.doc(summary="List exports", responses=describe_errors("invalid_request"))
def list_exports(query: ExportListQuery) -> Response:
    """List the caller's exports."""
    services, caller = get_services(), get_caller()
    with services.database.read() as session:
        found = read_page(
            lambda limit: actions.list_exports(
                session, caller.visible_application_id, limit=limit, before=query.cursor
            ),
            query.limit,
        )
    items = [export_to_schema(export) for export in found.rows]
    return respond(ExportPage(items=items, next=found.make_next_url(".list_exports")))


@blueprint.get("/<uuid:export_id>")
@blueprint.input(WaitQuery, location="query", arg_name="query")
@blueprint.output(Export, description="The export.")
@blueprint.doc(
    summary="Read an export",
    description="With `wait` the request is held until the export has ended.",
    responses=describe_errors("unknown_export", "invalid_request"),
)
def read_export(export_id: UUID, query: WaitQuery) -> Response:
    """Read one export, or wait for its end."""
    services, caller = get_services(), get_caller()
    export = _find(services, caller, export_id)
    if query.wait and export.status not in TERMINAL_STATUSES:
        with services.waiter.listen([export_id]) as changes:
            deadline = changes.keep_deadline(monotonic() + min(query.wait, services.settings.max_wait_s))
            while (export := _find(services, caller, export_id)).status not in TERMINAL_STATUSES:
                if not changes.wait(deadline):
                    break
    response = _show(export)
    if export.status not in TERMINAL_STATUSES:
        response.headers["Retry-After"] = str(POLL_AFTER_S)
    return response


@blueprint.get("/<uuid:export_id>/file")
@blueprint.doc(
    summary="The file of an export",
    responses={**_FILE, **describe_errors("unknown_export", "export_not_ready", "blob_store_unavailable")},
)
def read_export_file(export_id: UUID) -> Response:
    """Send an export's file."""
    services, caller = get_services(), get_caller()
    export = _find(services, caller, export_id)
    if export.status is not JobStatus.SUCCEEDED:
        raise ExportNotReady(f"the export is {export.status}, so there is no file")
    try:
        pieces = services.blobs.stream(actions.make_export_key(export_id))
    except BlobMissing as error:
        raise UnknownExport("the file was deleted") from error
    response = _send(pieces, export.format, f"{export.rows}-{export.created_at:%Y%m%d-%H%M%S}.{export.format}")
    response.headers["Content-Length"] = str(export.byte_count)
    return response


@blueprint.delete("/<uuid:export_id>")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="The export was deleted.")
@blueprint.doc(
    summary="Delete an export",
    description="Deletes the file, or cancels an export that hasn't ended.",
    responses=describe_errors("scope_missing", "unknown_export", "blob_store_unavailable"),
)
def delete_export(export_id: UUID) -> tuple[str, HTTPStatus]:
    """Delete one export."""
    services, caller = get_services(), get_caller()
    export = _find(services, caller, export_id)
    actions.delete_export(services.database, services.blobs, export.id, actor=caller.actor)
    return "", HTTPStatus.NO_CONTENT


def _find(services: Services, caller: Caller, export_id: UUID) -> tables.Export:
    with services.database.read() as session:
        return actions.find_export(session, export_id, caller.visible_application_id)


def _show(export: tables.Export) -> Response:
    return respond(export_to_schema(export))


def _send(pieces: Any, form: ExportFormat, name: str) -> Response:
    response = Response(pieces, mimetype=MEDIA_TYPES[form].partition(";")[0], content_type=MEDIA_TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
