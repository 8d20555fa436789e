"""Checks of every request: no control characters, which a database refuses and a terminal interprets, and no unlimited number of
files.

Path and query are checked before the route; JSON and forms when the route reads them, within the limits that it has set by
then. File names are cleaned, not refused: see `api/photos/uploads.py`.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from flask import Flask, Request, current_app, request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.sansio.utils import host_is_trusted

from api.core.downloads import FORMAT, find_item
from api.core.errors import Problem, make_invalid_request
from api.core.multipart import FormParser, InvalidForm
from api.core.services import get_services

_REFUSED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters except tab and line breaks, which a reason may contain; and lone surrogates, which UTF-8 can't encode."""


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Characters that no path may contain."""

_UNREADABLE = "\ufffd"
"""The replacement for bytes that aren't UTF-8, in forms. JSON that isn't UTF-8 is refused as such."""

_NOT_UTF_8 = "is not UTF-8"

_HOST = re.compile(r"([a-z0-9._~-]+|\[[0-9a-f:.]+\])(:[0-9]{0,5})?", re.ASCII | re.IGNORECASE)

_HEALTH_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class CheckedRequest(Request):
    """A request whose texts are free of control characters; reading others raises Problem `invalid_request`.

    max_form_files: maximum number of files in a form; reading a form with more raises Problem `too_many_photos`.
    """

    form_data_parser_class = FormParser
    max_form_files: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._form_files: list[IO[bytes]] = []

    def close(self) -> None:
        """Close the files. Called by Flask at the end; Werkzeug forgets the files of a form that it stopped reading."""
        super().close()
        for file in self._form_files:
            file.close()

    @property
    def form(self) -> ImmutableMultiDict[str, str]:
        """The fields of a form."""
        fields: ImmutableMultiDict[str, str] = super().form
        _check("form", fields.items(multi=True))
        return fields

    def get_json(self, *_args: Any, **_kwargs: Any) -> Any:
        """Return the body, which must be a JSON object in UTF-8 (RFC 8259).

        Duplicate names are refused, because parsers differ in which one they take.
        """
        # a chunked body over the limit is truncated without an error
        most = self.max_content_length
        if most is not None and self.content_length is None and len(self.get_data()) >= most:
            raise RequestEntityTooLarge
        try:
            found = json.loads(
                self.get_data().decode(), parse_constant=_refuse_constant, object_pairs_hook=_read_object
            )
        except RecursionError:
            raise BadRequest("the JSON is nested too deeply") from None
        except UnicodeDecodeError:
            raise BadRequest("the body must be JSON in UTF-8") from None
        except ValueError as error:
            raise BadRequest(f"the body must be JSON: {error}") from None
        if not isinstance(found, dict):
            raise make_invalid_request([{"in": "json", "field": "body", "reason": "must be a JSON object"}])
        _check("json", _list_texts(found))
        return found

    def _load_form_data(self) -> None:
        """Parse the form. Called by Werkzeug when a route reads fields or files."""
        try:
            super()._load_form_data()
        except InvalidForm as error:
            raise Problem("bad_request", str(error)) from error

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        """Count the form's files. Called by Werkzeug when a file begins."""
        if self.max_form_files is not None and len(self._form_files) >= self.max_form_files:
            raise Problem("too_many_photos", f"the form has more than {self.max_form_files} files")
        file = super()._get_file_stream(*args, **kwargs)
        self._form_files.append(file)
        return file


def register_request_checks(app: Flask) -> None:
    """Check every request of this application."""
    app.request_class = CheckedRequest
    app.before_request(_check_address)


def _check_address() -> None:
    _check_host()
    _check_coding()
    if _CONTROLS.search(request.path):
        raise Problem("not_found", "no path of this service has control characters")
    _check_query_bytes()
    _check("query", request.args.items(multi=True))
    if request.path.startswith("/v1/"):
        refuse_repeated("query", request.args)
        _refuse_unread_parameters()


def _check_query_bytes() -> None:
    """Refuse a query that isn't UTF-8. Werkzeug keeps such bytes percent-encoded, which would be another text."""
    for pair in request.query_string.split(b"&"):
        try:
            unquote_to_bytes(pair).decode()
        except UnicodeDecodeError:
            field = unquote_to_bytes(pair.partition(b"=")[0]).decode(errors="replace")
            raise make_invalid_request([{"in": "query", "field": field, "reason": _NOT_UTF_8}]) from None


def _refuse_unread_parameters() -> None:
    """Refuse query parameters on routes that take none. Other routes refuse unknown parameters themselves."""
    view = current_app.view_functions.get(request.endpoint or "")
    is_download = view is not None and set(request.args) == {FORMAT} and find_item(view) is not None
    if (
        request.args
        and not is_download
        and view is not None
        and not any(place == "query" for _, place in _list_inputs(view))
    ):
        field = next(iter(request.args))
        raise make_invalid_request([{"in": "query", "field": field, "reason": "is unknown: this route takes no query"}])


def _list_inputs(view: Callable[..., Any]) -> Iterable[tuple[Any, str]]:
    """Return the inputs of a route as APIFlask stores them: model and location of each."""
    return getattr(view, "_spec", {}).get("args") or ()


def _check_coding() -> None:
    """Refuse a compressed body, which would be read as the photo itself."""
    coding = request.headers.get("Content-Encoding", "")
    if coding.strip().lower() not in {"", "identity"}:
        detail = f"the body has the content coding {coding[:50]!r}; send it without one"
        raise Problem("bad_request", detail)


def refuse_repeated(place: str, given: MultiDict[str, str]) -> None:
    """Raise Problem `invalid_request` if a field is given more than once."""
    for field, values in given.lists():
        if len(values) > 1:
            raise make_invalid_request([{"in": place, "field": field, "reason": "is given more than once"}])


def _check_host() -> None:
    """Refuse a Host header that isn't one of ours, since pages and responses repeat it. Health checks may use any host."""
    if request.environ.get("SERVER_PROTOCOL") == "HTTP/1.1" and "Host" not in request.headers:
        raise Problem("bad_request", "the request has no Host header")
    host = request.headers.get("Host", "")
    if host and not _HOST.fullmatch(host):
        raise Problem("bad_request", "the Host header is invalid")
    allowed = get_services().settings.allowed_host_list
    if allowed and request.path not in _HEALTH_PATHS and not host_is_trusted(request.host.lower(), allowed):
        raise Problem("bad_request", "the Host header is not a host of this service (`EMOSCOPE_ALLOWED_HOSTS`)")


def _check(place: str, texts: Iterable[tuple[str, str]]) -> None:
    for field, text in texts:
        if _REFUSED.search(text) or _REFUSED.search(field):
            reason = "may have no control characters but tabs and line breaks"
            raise make_invalid_request([{"in": place, "field": field, "reason": reason}])
        if place != "json" and _UNREADABLE in text + field:
            raise make_invalid_request([{"in": place, "field": field, "reason": _NOT_UTF_8}])


def _refuse_constant(written: str) -> None:
    raise ValueError(f"{written} is no JSON")


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise make_invalid_request([{"in": "json", "field": repeated, "reason": "is given more than once"}])
    return read


def _list_texts(found: Any) -> Iterator[tuple[str, str]]:
    """List every text in a JSON value, with its top-level field. Iterative, because JSON may be nested deeply."""
    left = [("", found)]
    while left:
        field, value = left.pop()
        if isinstance(value, str):
            yield field, value
        elif isinstance(value, list):
            left += [(field, each) for each in value]
        elif isinstance(value, dict):
            left += [(field or name, part) for name, inner in value.items() for part in (name, inner)]
