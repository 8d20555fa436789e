"""Template filters for times, durations, sizes and codes."""

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint
from markupsafe import Markup

from db.core.types import utcnow
from db.core.vocabulary import TERMINAL_STATUSES
from db.jobs.tables import Job

NOTHING = "\N{EN DASH}"
"""Shown for unknown values."""

_STEPS = ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600), (float("inf"), "d", 86_400))


def format_age(moment: datetime | None) -> str:
    """Format an age in its largest unit: `12 s`, `5 min`, `3 h`, `9 d`."""
    if moment is None:
        return NOTHING
    return format_seconds(max(0.0, (utcnow() - moment).total_seconds()))


def format_seconds(seconds: float | None) -> str:
    """Format a duration in its largest unit; under ten seconds with at most two decimals."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    for limit, unit, size in _STEPS:
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    raise AssertionError


def format_time(moment: datetime | None) -> Markup:
    """Format a time as a `time` element that shows its age, with the exact time in UTC as tooltip."""
    if moment is None:
        return Markup('<span class="quiet">{}</span>').format(NOTHING)
    return Markup('<time datetime="{}" title="{:%Y-%m-%d %H:%M:%S} UTC">{} ago</time>').format(
        moment.isoformat(), moment, format_age(moment)
    )


def show_moment(moment: datetime | None, form: str = "moment") -> Markup:
    """Format a time as a `time` element with date and time in UTC, which a script converts to the browser's time zone.

    form: `moment` to the minute, `exact` to the second.
    """
    if moment is None:
        return Markup('<span class="quiet">{}</span>').format(NOTHING)
    written = f"{moment:%Y-%m-%d %H:%M:%S}" if form == "exact" else format_moment(moment)
    return Markup('<time datetime="{}" data-form="{}">{} UTC</time>').format(moment.isoformat(), form, written)


def format_moment(moment: datetime | None) -> str:
    """Format date and time in UTC, to the minute."""
    return NOTHING if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def format_bytes(count: int) -> str:
    """Format a size in bytes, kB or MB."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def format_photo(job: Job) -> str:
    """Format width and height of a job's photo, or the host it is fetched from. The rest of the URL may contain a secret."""
    if job.width:
        return f"{job.width}\N{MULTIPLICATION SIGN}{job.height}"
    host = urlsplit(job.source_url or "").hostname or NOTHING
    return f"not fetched from {host}" if job.status in TERMINAL_STATUSES else f"to be fetched from {host}"


def format_words(code: str) -> str:
    """Format a code as words: `not_a_face` becomes `not a face`."""
    return code.replace("_", " ").replace("-", " ")


def format_share(share: float | None, digits: int = 3) -> str:
    """Format a share between 0 and 1. Never as a percentage."""
    return NOTHING if share is None else f"{share:.{digits}f}"


def pair_with_itself(words: Iterable[str]) -> list[tuple[str, str]]:
    """Return words as options of a select field, with label and value equal."""
    return [(word, word) for word in words]


def register_words(pages: Blueprint) -> None:
    """Register the template filters."""
    for filter_ in (
        format_age,
        format_seconds,
        format_time,
        format_moment,
        show_moment,
        format_bytes,
        format_photo,
        format_words,
        format_share,
        pair_with_itself,
    ):
        pages.add_app_template_filter(filter_)
