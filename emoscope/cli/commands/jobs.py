"""`emoscope job`: jobs, through the service's API."""

from datetime import datetime
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from db.core.vocabulary import Emotion, JobStatus
from emoscope.cli.client import open_client
from emoscope.cli.terminal import AsJson, end_with_sentence, make_faces_table, out, print_json, print_schemas
from emoscope_client import EmoscopeError, Job

app = typer.Typer(help="List and show jobs.", no_args_is_help=True)

_MOST_A_PAGE = 200


@app.command("list")
def list_(
    status: Annotated[JobStatus | None, typer.Option(help="Only jobs with this status.")] = None,
    emotion: Annotated[Emotion | None, typer.Option(help="Only jobs with a face that appears to express this.")] = None,
    error_code: Annotated[str | None, typer.Option(help="Only jobs that ended with this error code.")] = None,
    batch: Annotated[UUID | None, typer.Option(help="Only jobs of this batch.")] = None,
    application: Annotated[
        str | None,
        typer.Option(help="Jobs of this application, or `all`. Any other than the key's own needs the scope `admin`."),
    ] = None,
    created_from: Annotated[
        datetime | None, typer.Option(help="Only jobs created at this time or later, in this machine's time zone.")
    ] = None,
    created_before: Annotated[datetime | None, typer.Option(help="Only jobs created before this time.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of jobs.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first, with photo, status and faces."""
    wanted: dict[str, Any] = {
        "status": status,
        "emotion": emotion,
        "error_code": error_code,
        "batch": batch,
        "application": application,
        "created_from": created_from.astimezone() if created_from else None,
        "created_before": created_before.astimezone() if created_before else None,
    }
    with end_with_sentence(EmoscopeError), open_client() as client:
        found = list(islice(client.list_jobs(page_size=min(limit, _MOST_A_PAGE), **wanted), limit))
    if as_json:
        print_schemas(found)
        return
    table = Table("job", "photo", "status", "faces", "made (UTC)")
    for job in found:
        table.add_row(
            str(job.id), _name_photo(job), job.status, _describe_faces(job), f"{job.created_at:%Y-%m-%d %H:%M}"
        )
    out.print(table)


@app.command()
def show(
    job_id: Annotated[UUID, typer.Argument(metavar="JOB", help="Id of the job, as `emoscope job list` shows.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a job with its faces."""
    with end_with_sentence(EmoscopeError), open_client() as client:
        job = client.get_job(job_id)
    if as_json:
        print_json(job.to_json())
        return
    out.print(f"[bold]{_name_photo(job)}[/bold]: {job.status} {_describe_faces(job)}", soft_wrap=True)
    if job.faces:
        out.print(make_faces_table(str(job.id), job.faces))


def _name_photo(job: Job) -> str:
    return escape(job.photo.filename or job.photo.source_url or "unnamed")


def _describe_faces(job: Job) -> str:
    if job.error is not None:
        return escape(job.error.code)
    return " ".join(face.emotion for face in job.faces) if job.faces else "none" if job.status == "succeeded" else ""
