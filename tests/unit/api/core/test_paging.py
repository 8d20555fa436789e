"""Cursor pagination."""

from dataclasses import dataclass

from flask import Flask

from api.core.paging import read_page


@dataclass
class Row:
    id: int


ROWS = [Row(number) for number in (5, 4, 3, 2)]


def test_one_row_more_tells_that_there_are_more() -> None:
    asked: list[int] = []

    def read(limit: int) -> list[Row]:
        asked.append(limit)
        return ROWS[:limit]

    pages = [read_page(read, limit) for limit in (3, 4, 5)]
    assert asked == [4, 5, 6]
    assert [([row.id for row in page.rows], page.cursor, page.has_more) for page in pages] == [
        ([5, 4, 3], 3, True), ([5, 4, 3, 2], None, False), ([5, 4, 3, 2], None, False),
    ]  # fmt: skip
    assert read_page(lambda _: [], 3).cursor is None


def test_the_next_page_is_asked_for_as_this_one_was() -> None:
    app = Flask("test")
    app.add_url_rule("/things", "things", lambda: "")
    with app.test_request_context("/things?state=open&cursor=9&limit=3"):
        page = read_page(lambda limit: ROWS[:limit], 3)
        assert page.make_next_url("things") == "/things?state=open&cursor=3&limit=3"
        assert read_page(lambda limit: ROWS[:limit], 9).make_next_url("things") is None
