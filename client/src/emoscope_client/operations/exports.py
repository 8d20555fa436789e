"""Exports of results as CSV and JSON Lines, streamed or as a stored file."""

from os import PathLike
from pathlib import Path
from typing import Unpack
from uuid import UUID

from emoscope_client.errors import NotFound
from emoscope_client.exports import Export, ExportPage
from emoscope_client.operations.requests import Requests, quote_segment
from emoscope_client.options import JobFilters, to_params
from emoscope_client.steps import Call, Steps, read_json
from emoscope_client.vocabulary import ExportFormat, ExportRows
from emoscope_client.waiting import wait


class ExportOperations(Requests):
    """Operations on exports."""

    def export_rows(
        self,
        *,
        rows: ExportRows = "faces",
        format: ExportFormat = "csv",  # noqa: A002
        **filters: Unpack[JobFilters],
    ) -> Steps[bytes]:
        """Return results as CSV or JSON Lines, one row per face or job. For many, see create_export."""
        params = to_params({**filters, "rows": rows, "format": format})
        return (yield from self._send(Call("GET", "/v1/exports/rows", params))).content

    def download_rows(
        self,
        path: str | PathLike[str],
        *,
        rows: ExportRows = "faces",
        format: ExportFormat = "csv",  # noqa: A002
        **filters: Unpack[JobFilters],
    ) -> Steps[None]:
        """Write results to `path`, in pieces, like export_rows. Raises OSError if it can't be written."""
        params = to_params({**filters, "rows": rows, "format": format})
        yield from self._send(Call("GET", "/v1/exports/rows", params, save_to=Path(path)))

    def create_export(
        self,
        *,
        rows: ExportRows = "faces",
        format: ExportFormat = "csv",  # noqa: A002
        **filters: Unpack[JobFilters],
    ) -> Steps[Export]:
        """Create an export to a file. Wait for its end, then download it.

        It isn't retried after a lost response, because that could create two exports: ServiceUnreachable has `may_be_done`.
        """
        params = to_params({**filters, "rows": rows, "format": format})
        response = yield from self._send(Call("POST", "/v1/exports", params, is_repeatable=False))
        return Export.from_json(read_json(response))

    def get_export(self, export_id: UUID | str, *, wait_s: float = 0) -> Steps[Export]:
        """Read an export. wait_s: maximum seconds to hold the response until it has ended."""
        return (yield from self._read(Export, f"/v1/exports/{quote_segment(export_id)}", held_s=wait_s))

    def wait_for_export(self, export: Export | UUID | str, *, timeout_s: float = 3600) -> Steps[Export]:
        """Wait until an export has ended. Returns it, whether it succeeded or not."""
        export_id = export.id if isinstance(export, Export) else export
        path = f"/v1/exports/{quote_segment(export_id)}"
        known = export if isinstance(export, Export) else None
        return (yield from wait(self._send_within, Export, path, known, f"export {export_id}", timeout_s))

    def get_export_page(self, *, cursor: str | None = None, limit: int | None = None) -> Steps[ExportPage]:
        """Read a page of exports, newest first. cursor: `ExportPage.next`'s, for the next page."""
        return (yield from self._read(ExportPage, "/v1/exports", to_params({"limit": limit, "cursor": cursor})))

    def get_export_file(self, export_id: UUID | str) -> Steps[bytes]:
        """Read the file of an export into memory."""
        return (yield from self._send(Call("GET", f"/v1/exports/{quote_segment(export_id)}/file"))).content

    def download_export(self, export_id: UUID | str, path: str | PathLike[str]) -> Steps[None]:
        """Write the file of an export to `path`, in pieces. Raises OSError if it can't be written."""
        yield from self._send(Call("GET", f"/v1/exports/{quote_segment(export_id)}/file", save_to=Path(path)))

    def delete_export(self, export_id: UUID | str) -> Steps[None]:
        """Delete an export with its file, or withdraw it."""
        try:
            yield from self._send(Call("DELETE", f"/v1/exports/{quote_segment(export_id)}"))
        except NotFound as error:
            if not error.may_be_done:
                raise
