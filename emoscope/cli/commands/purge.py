"""`emoscope purge`: erases old jobs."""

from typing import Annotated

import typer

from emoscope.cli.terminal import end_with_sentence, err, read_settings

_DAY_S = 24 * 3600
_AT_ONCE = 200


def purge(
    older_than: Annotated[float, typer.Option(min=0, help="Age in days since the submission.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,  # noqa: FBT002
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,  # noqa: FBT002
) -> None:
    """Erase ended jobs with their photos, faces, crops and votes. Their corrections are no longer used in training."""
    from db.core.blobs import BlobStore, BlobStoreUnavailable
    from db.jobs.retention import count_old_jobs, erase_old_jobs
    from emoscope.cli.database import open_database

    settings = read_settings()
    age_s = older_than * _DAY_S
    with end_with_sentence(BlobStoreUnavailable), open_database() as database:
        with database.read() as session:
            count = count_old_jobs(session, age_s)
        what = f"ended jobs that were submitted more than {older_than:g} days ago"
        if dry_run or not count:
            err.print(f"{what.capitalize()}: {count:,}")
            return
        if not yes:
            typer.confirm(f"Erase {count:,} {what}? This can't be undone", abort=True, err=True)
        blobs = BlobStore(settings.effective_blob_url, settings.s3_options)
        erased = 0
        while done := erase_old_jobs(database, blobs, age_s, _AT_ONCE):
            erased += done
            err.print(f"{erased:,} erased")
