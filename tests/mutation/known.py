"""Mutants that once survived. Each must be killed: `make mutate ARGS=--known`."""

from pathlib import Path

from tests.mutation.mutants import Mutant

_KNOWN = (
    (
        "worker/housekeeping/sweeper.py",
        "a failed deletion of blobs is recorded as purged",
        'log.warning("photos_not_purged", count=len(due), reason=str(error))\n        return',
        "pass",
    ),
    (
        "worker/core/heartbeat.py",
        "a lease is renewed only after it has expired",
        "done.wait(self._lease_s / 3)",
        "done.wait(self._lease_s * 3)",
    ),
    (
        "db/jobs/retention.py",
        "an empty batch is deleted whatever its age",
        "where(Batch.created_at < utcnow() - timedelta(seconds=age_s), ~has_jobs)",
        "where(~has_jobs)",
    ),
    (
        "db/reviews/actions.py",
        "`drawn_at` is overwritten when a face is drawn again",
        "subject.drawn_at = subject.drawn_at or utcnow()",
        "subject.drawn_at = utcnow()",
    ),
)


def list_known(root: Path) -> list[Mutant]:
    """Each as a mutant of today's source. Raises LookupError where the source no longer has the line: name it anew here."""
    found = []
    for path, kind, before, after in _KNOWN:
        source = (root / path).read_bytes()
        if source.count(before.encode()) != 1:
            raise LookupError(f"{path} has not exactly one {before!r}")
        start = source.index(before.encode())
        line = source[:start].count(b"\n") + 1
        found.append(Mutant(path, line, kind, before, after, start, start + len(before.encode())))
    return found
