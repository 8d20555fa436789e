"""Refused forms, which are shown again with the input and the error, and messages that are shown once after a form."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from inspect import signature
from typing import Any, TypeVar, cast

from flask import current_app, g, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, UnprocessableEntity
from werkzeug.wrappers import Response as AnyResponse

from api.core.sessions import is_over_tls
from db.core.errors import DomainError

Page = TypeVar("Page", bound=Callable[..., Any])

SEARCH = "filter"
"""Form name of every page's filters."""

ONCE_COOKIE = "emoscope_once"
_ONCE_S = 120
"""Long enough for the redirect after a form, short enough that nobody else finds its contents."""

_REFILLED = frozenset(
    {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
)
"""Statuses of errors that the user can correct."""


class FieldRefused(UnprocessableEntity):
    """A form field has an invalid value. detail: a sentence that says why."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


@dataclass
class Refused:
    """A refused form. form: its name on the page. field: the invalid one, or None. page_url: URL of its page.

    is_told: whether a form on the page has shown the reason; if not, the page shows it at the top.
    """

    form: str
    detail: str
    field: str | None
    values: MultiDict[str, str]
    page_url: str
    is_told: bool = False

    def tell(self) -> str:
        """Return the reason, and mark it as shown."""
        self.is_told = True
        return self.detail

    def list_values(self, name: str) -> list[str]:
        """Return what was sent in this field."""
        return self.values.getlist(name)


def refills(page: Callable[..., Any], form: str = "", **fields: type[Exception]) -> Callable[[Page], Page]:
    """Decorate a view so that a refused form shows `page` again with the input.

    form: the form's name on the page; `{name}` stands for a URL parameter. Without a form the page shows the reason at the top.
    fields: maps errors to fields; a FieldRefused names its own.
    """

    def decorate(view: Page) -> Page:
        @wraps(view)
        def show(**parts: Any) -> Any:
            try:
                return view(**parts)
            except (HTTPException, DomainError) as error:
                status = error.status if isinstance(error, DomainError) else HTTPStatus(error.code or 500)
                if status not in _REFILLED:
                    raise
                taken = {name: parts[name] for name in signature(page).parameters}
                g.refused = Refused(
                    form=form.format(**parts),
                    detail=_describe(error),
                    field=_find_field(error, fields),
                    values=request.form,
                    page_url=url_for(_find_endpoint(page), **taken),
                )
                return page(**taken), int(status)

        return cast("Page", show)

    return decorate


def refills_search(page: Page) -> Page:
    """Decorate a list so that invalid filters show the list unfiltered, with the filter form as it was sent."""

    @wraps(page)
    def show(**parts: Any) -> Any:
        try:
            return page(**parts)
        except FieldRefused as error:
            if request.method not in {
                "GET",
                "HEAD",
            }:  # the page is shown for another refused form
                raise
            g.refused = Refused(SEARCH, _describe(error), error.field, request.args, request.full_path.rstrip("?"))
            g.is_search_left_out = True
            return page(**parts), int(HTTPStatus.UNPROCESSABLE_ENTITY)

    return cast("Page", show)


def is_search_left_out() -> bool:
    """Return whether the filters of this request were refused, and the page is shown without them."""
    return bool(g.get("is_search_left_out"))


def find_refused() -> Refused | None:
    """Return the form of this request if it was refused."""
    found: Refused | None = g.get("refused")
    return found


def show_once(response: AnyResponse, **values: str) -> AnyResponse:
    """Show these messages once on the next page of this browser. A redirect can't carry them, and a URL could be forged.

    They are sent in a cookie that scripts can't read and other sites can't set.
    """
    told = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    response.set_cookie(
        ONCE_COOKIE, told, max_age=_ONCE_S, httponly=True, samesite="Strict", secure=is_over_tls(), path="/"
    )
    return response


def read_once() -> dict[str, str]:
    """Return the messages for this page; empty if there are none."""
    try:
        found = json.loads(base64.urlsafe_b64decode(request.cookies.get(ONCE_COOKIE, "")) or b"{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def forget_once(response: AnyResponse) -> None:
    """Delete the messages once a page has shown them. Redirects, pictures and page fragments keep them."""
    has_shown = response.mimetype == "text/html" and response.status_code not in {301, 302, 303}
    if has_shown and ONCE_COOKIE in request.cookies and request.headers.get("Sec-Fetch-Dest", "document") == "document":
        response.delete_cookie(ONCE_COOKIE, httponly=True, samesite="Strict", secure=is_over_tls(), path="/")


def _describe(error: HTTPException | DomainError) -> str:
    detail = error.public_detail if isinstance(error, DomainError) else error.description or error.name
    detail = f"{detail[:1].upper()}{detail[1:]}"
    return detail if detail.endswith((".", "!", "?")) else f"{detail}."


def _find_field(error: Exception, fields: dict[str, type[Exception]]) -> str | None:
    if isinstance(error, FieldRefused):
        return error.field
    return next((name for name, kind in fields.items() if isinstance(error, kind)), None)


def _find_endpoint(page: Callable[..., Any]) -> str:
    """Return the page's endpoint, with the blueprint that it belongs to."""
    return next(endpoint for endpoint, view in current_app.view_functions.items() if view is page)
