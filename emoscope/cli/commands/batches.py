"""`emoscope batch`: batches, through the service's API."""

from itertools import islice
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from emoscope.cli.client import open_client
from emoscope.cli.terminal import AsJson, end_with_sentence, err, out, print_json, print_schemas
from emoscope_client import BatchSummary, EmoscopeError

app = typer.Typer(help="List, show, close and cancel batches.", no_args_is_help=True)

_MOST_A_PAGE = 200
_STATES = ("queued", "running", "succeeded", "failed", "canceled", "refused")

_Id = Annotated[UUID, typer.Argument(metavar="BATCH", help="Id of the batch, as `emoscope batch list` shows.")]


@app.command("list")
def list_(
    application: Annotated[
        str | None,
        typer.Option(
            help="Batches of this application, or `all`. Any other than the key's own needs the scope `admin`."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of batches.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List batches, newest first, with the number of photos in each state."""
    with end_with_sentence(EmoscopeError), open_client() as client:
        pages = client.list_batches(page_size=min(limit, _MOST_A_PAGE), application=application)
        found = list(islice(pages, limit))
    if as_json:
        print_schemas(found)
        return
    table = Table("batch", "state", "photos", *_STATES, "made (UTC)")
    for batch in found:
        counts = (f"{getattr(batch.counts, name):,}" for name in ("total", *_STATES))
        table.add_row(str(batch.id), _name_state(batch), *counts, f"{batch.created_at:%Y-%m-%d %H:%M}")
    out.print(table)


@app.command()
def show(batch: _Id, *, as_json: AsJson = False) -> None:
    """Show a batch: its progress, and the photos without a result, with the reason."""
    with end_with_sentence(EmoscopeError), open_client() as client:
        found = client.get_batch(batch)
        if as_json:
            print_json(found.to_json())
            return
        counts = ", ".join(f"{getattr(found.counts, name):,} {name}" for name in _STATES)
        left = "" if found.left_s is None else f"; {found.left_s:.0f} s left"
        out.print(f"{found.counts.total:,} photos: {counts}{left}", soft_wrap=True, highlight=False)
        for photo in client.list_batch_photos(batch):
            if photo.error is not None:
                reason = f"{photo.error.code}: {photo.error.detail}"
                out.print(
                    f"{photo.filename or photo.position}: {reason}", soft_wrap=True, markup=False, highlight=False
                )


@app.command()
def close(batch: _Id) -> None:
    """Close a batch: no more photos can be added."""
    with end_with_sentence(EmoscopeError), open_client() as client:
        client.close_batch(batch)
    err.print("Closed.")


@app.command()
def cancel(batch: _Id) -> None:
    """Close a batch and cancel its photos that have no result yet."""
    with end_with_sentence(EmoscopeError), open_client() as client:
        found = client.cancel_batch(batch)
    err.print(f"Canceled; {found.counts.canceled:,} photos were canceled so far.")


def _name_state(batch: BatchSummary) -> str:
    return "open" if batch.is_open else "done" if batch.is_done else "closed"
