"""Cursor pagination."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar

from flask import request, url_for

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """A page of rows. cursor: position of its last row, after which the next page begins; None on the last page."""

    rows: Sequence[Row]
    cursor: Any

    @property
    def has_more(self) -> bool:
        """Whether there is a next page."""
        return self.cursor is not None

    def make_next_url(self, endpoint: str, parameter: str = "cursor") -> str | None:
        """Return the URL of the next page with the other query parameters of this request; None on the last page.

        parameter: query parameter of the cursor.
        """
        asked: dict[str, Any] = {**(request.view_args or {}), **request.args.to_dict(), parameter: self.cursor}
        return url_for(endpoint, **asked) if self.has_more else None


def read_page(
    read: Callable[[int], Sequence[Row]], limit: int, find_place: Callable[[Row], Any] = attrgetter("id")
) -> Page[Row]:
    """Read at most `limit` rows, and find out whether there are more.

    read: takes a limit and returns at most that many rows. find_place: returns a row's cursor, by default its id.
    """
    found = read(limit + 1)
    rows = found[:limit]
    return Page(rows, find_place(rows[-1]) if len(found) > limit else None)
