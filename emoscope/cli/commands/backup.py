"""`emoscope backup` and `emoscope restore`: database and files in one tar file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from emoscope.cli.terminal import end_with_sentence, err, read_settings, say_step
from emoscope.private_files import keep_private

if TYPE_CHECKING:
    from db.core.blobs import BlobStore
    from db.core.session import Database

_STREAM = "-"


def backup(
    file: Annotated[str, typer.Argument(help="The tar file to write, or - for standard output.")],
    photos: Annotated[bool, typer.Option(help="Whether photos are saved too.")] = True,  # noqa: FBT002
) -> None:
    """Save the database and the files that it refers to. The service can keep running."""
    from db.moving.backup import write_backup

    with _open_installation() as (database, blobs), _open_new(file) as out:
        summary = write_backup(database, blobs, out, say_step, photos=photos)
    if summary.missing:
        err.print(f"{len(summary.missing):,} photos had been deleted by the service; they are not in the backup")


def restore(
    file: Annotated[str, typer.Argument(help="The tar file of `emoscope backup`, or - for standard input.")],
) -> None:
    """Restore a backup into the installation in the settings, which must be empty. Nothing of it may run yet."""
    from db.moving.restore import read_backup

    with _open_installation() as (database, blobs):
        if file == _STREAM:
            report = read_backup(database, blobs, sys.stdin.buffer, say_step)
        else:
            with Path(file).open("rb") as source:
                report = read_backup(database, blobs, source, say_step)
    if report.without_photo:
        err.print(
            f"{report.without_photo:,} jobs have no photo, as if it had been deleted; their results and crops are restored. "
            "Those that weren't analysed yet will fail with blob_missing."
        )


@contextmanager
def _open_installation() -> Iterator[tuple["Database", "BlobStore"]]:
    from sqlalchemy.exc import SQLAlchemyError

    from db.core.blobs import BlobStore, BlobStoreUnavailable
    from db.core.session import Database
    from db.moving.errors import CannotMove

    keep_private()
    settings = read_settings()
    database = Database(settings.effective_database_url)
    try:
        with end_with_sentence(CannotMove, BlobStoreUnavailable, SQLAlchemyError, OSError):
            if database.is_sqlite:
                settings.data_dir.mkdir(parents=True, exist_ok=True)
            yield database, BlobStore(settings.effective_blob_url, settings.s3_options)
    finally:
        database.close()


@contextmanager
def _open_new(file: str) -> Iterator[IO[bytes]]:
    """Open the file to write. It gets its final name only once it is complete, and replaces no existing file."""
    if file == _STREAM:
        yield sys.stdout.buffer
        return
    path = Path(file)
    if path.exists():
        raise FileExistsError(f"{path} already exists")
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())
    part.rename(path)
