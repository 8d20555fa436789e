"""Pages of rows, newest first, each beginning behind the last row of the page before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import request, url_for

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows. cursor: id of the last of them, behind which the next page begins; None on the last page."""

    rows: Sequence[Row]
    cursor: Any

    @property
    def has_more(self) -> bool:
        """Whether there is a page after it."""
        return self.cursor is not None

    def make_next_url(self, endpoint: str) -> str | None:
        """Where the next page is, with all else that this request asks for; None on the last page."""
        asked: dict[str, Any] = {**request.args.to_dict(), "cursor": self.cursor}
        return url_for(endpoint, **asked) if self.has_more else None


def read_page(read: Callable[[int], Sequence[Row]], limit: int) -> Page[Row]:
    """Read at most `limit` rows, and find out whether there are more. read: gives so many rows, each with an `id`."""
    found = read(limit + 1)
    rows = found[:limit]
    return Page(rows, rows[-1].id if len(found) > limit else None)  # type: ignore[attr-defined]
