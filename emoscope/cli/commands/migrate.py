"""`emoscope migrate`: run once by a fleet before the processes of a new release start."""

from typing import Annotated

import typer

from emoscope.cli.terminal import end_with_sentence, read_settings, say_step


def migrate(
    to: Annotated[str, typer.Option("--to", help="Revision of the schema, such as 0011. Empty: the newest.")] = "",
) -> None:
    """Upgrade the database to the newest schema and register the models that come with this release.

    With --to, only upgrade or downgrade the schema to that revision. Before starting the previous release, downgrade to its
    revision.
    """
    from sqlalchemy.exc import OperationalError

    from db.core import migrate as schema
    from db.core.blobs import BlobStore, BlobStoreUnavailable
    from db.core.session import Database
    from emoscope.stack.provision import register_shipped_models

    settings = read_settings()
    database = Database(settings.effective_database_url)
    with end_with_sentence(BlobStoreUnavailable, OperationalError, schema.SchemaTooNew, schema.UnknownRevision):
        if database.is_sqlite:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        if to:
            is_back = schema.move(database, to)
            say_step(f"the schema is at {to}{', an older one' if is_back else ''}")
        else:
            say_step("upgrading the schema")
            schema.upgrade(database)
            register_shipped_models(database, BlobStore(settings.effective_blob_url, settings.s3_options), say_step)
    database.close()
