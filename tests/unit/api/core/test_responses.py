"""JSON responses from schemas."""

from http import HTTPStatus

from pydantic import BaseModel

from api.core.responses import respond


class Shown(BaseModel):
    name: str
    share: float | None


def test_an_answer_is_the_schema_as_json_that_ends_its_line() -> None:
    answer = respond(Shown(name="Zoë", share=float("nan")), HTTPStatus.CREATED)
    assert (answer.status_code, answer.mimetype) == (201, "application/json")
    assert answer.get_data(as_text=True) == '{"name":"Zoë","share":null}\n'


class Page(BaseModel):
    items: list[int]
    next: str | None


def test_a_list_that_goes_on_says_so_in_a_header_too() -> None:
    assert respond(Page(items=[1], next="/v1/things?cursor=1")).headers["Link"] == '</v1/things?cursor=1>; rel="next"'
    assert "Link" not in respond(Page(items=[1], next=None)).headers
