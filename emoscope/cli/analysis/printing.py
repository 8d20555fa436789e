"""Prints the results of `emoscope analyze`, each as soon as it is available, in the chosen format."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Any

from rich.markup import escape

from db.core.vocabulary import EMOTIONS, ExportFormat
from db.exports.writing import write_pages
from emoscope.cli.analysis.reading import Outcome, PhotoError
from emoscope.cli.terminal import err, make_faces_table, out
from emoscope_client import Face

CSV_FIELDS = (
    "photo",
    "job_id",
    "status",
    "error_code",
    "error_detail",
    "face",
    "x",
    "y",
    "width",
    "height",
    "emotion",
    "confidence",
    "second_emotion",
    "second_probability",
    "uncertain",
    *(f"probability_{emotion}" for emotion in EMOTIONS),
    "model_version",
)
"""Columns of the CSV, named like those of an export. A photo without faces, or without a result, has one row."""


class Format(StrEnum):
    """Output format."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def print_outcomes(outcomes: Iterable[tuple[str, Outcome]], form: Format) -> None:
    """Print each outcome on stdout as it arrives. In a table, photos without a result aren't printed on stdout."""
    printers: dict[Format, Callable[[Iterable[tuple[str, Outcome]]], None]] = {
        Format.TABLE: _print_tables,
        Format.JSON: _print_json,
        Format.JSONL: _print_json_lines,
        Format.CSV: _print_csv,
    }
    printers[form](outcomes)


def print_failure(name: str, outcome: Outcome) -> bool:
    """Print on stderr why a photo has no result. Returns whether it has none."""
    code, detail = find_failure(outcome) or ("", "")
    if code:
        err.print(f"[bold red]{escape(_to_text(name))}[/bold red]: {code}: {escape(detail)}", soft_wrap=True)
    return bool(code)


def find_failure(outcome: Outcome) -> tuple[str, str] | None:
    """Return code and detail of a photo's failure; None if it has a result."""
    if isinstance(outcome, PhotoError):
        return outcome.code, outcome.detail
    if outcome.status == "succeeded":
        return None
    return (outcome.error.code, outcome.error.detail) if outcome.error else (outcome.status, "")


def outcome_to_json(name: str, outcome: Outcome) -> dict[str, Any]:
    """Convert an outcome to JSON with the API's field names."""
    if isinstance(outcome, PhotoError):
        error = {"code": outcome.code, "detail": outcome.detail}
        return {"photo": name, "job_id": None, "status": "refused", "error": error, "faces": []}
    return {
        "photo": name,
        "job_id": str(outcome.id),
        "status": outcome.status,
        "error": outcome.error.to_json() if outcome.error else None,
        "faces": [face.to_json() for face in outcome.faces],
    }


def _print_tables(outcomes: Iterable[tuple[str, Outcome]]) -> None:
    for name, outcome in outcomes:
        if isinstance(outcome, PhotoError) or outcome.status != "succeeded":
            continue
        if outcome.faces:
            out.print(make_faces_table(_to_text(name), outcome.faces))
        else:
            out.print(f"[bold]{escape(_to_text(name))}[/bold]: no face found")


def _print_json_lines(outcomes: Iterable[tuple[str, Outcome]]) -> None:
    for name, outcome in outcomes:
        _write(json.dumps(outcome_to_json(name, outcome)) + "\n")


def _print_json(outcomes: Iterable[tuple[str, Outcome]]) -> None:
    """Print one array without holding it in memory."""
    before = "[\n"
    for name, outcome in outcomes:
        _write(before + json.dumps(outcome_to_json(name, outcome), indent=2))
        before = ",\n"
    _write("[]\n" if before == "[\n" else "\n]\n")


def _print_csv(outcomes: Iterable[tuple[str, Outcome]]) -> None:
    pages = (list(_list_rows(name, outcome)) for name, outcome in outcomes)
    for piece in write_pages(pages, CSV_FIELDS, ExportFormat.CSV):
        _write(piece.decode())


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _list_rows(name: str, outcome: Outcome) -> Iterator[dict[str, Any]]:
    code, detail = find_failure(outcome) or (None, None)
    job = None if isinstance(outcome, PhotoError) else outcome
    photo = {
        **dict.fromkeys(CSV_FIELDS),
        "photo": _to_text(name),
        "job_id": job.id if job else None,
        "status": job.status if job else "refused",
        "error_code": code,
        "error_detail": detail,
    }
    faces = job.faces if job else ()
    if not faces:
        yield photo
    for number, face in enumerate(faces, start=1):
        yield {**photo, "face": number, **_describe_face(face)}


def _describe_face(face: Face) -> dict[str, Any]:
    return {
        **face.bounding_box.to_json(),
        "emotion": face.emotion,
        "confidence": face.confidence,
        "second_emotion": face.second_emotion,
        "second_probability": face.second_probability,
        "uncertain": face.uncertain,
        **{f"probability_{emotion}": getattr(face.probabilities, emotion) for emotion in EMOTIONS},
        "model_version": face.model_version,
    }


def _to_text(name: str) -> str:
    """Return a file's name as text: bytes that aren't UTF-8 become question marks."""
    return name.encode(errors="replace").decode()
