"""What no route should get: text with control characters, which a database refuses and a terminal obeys; and files without end.

It is looked at once for all routes: path and query before the route, JSON and forms when the route reads them, within the
limits that it has set by then. Names of files aren't refused but cleaned, see `api/photos/uploads.py`.
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
"""Control characters but tab and line breaks, which a reason may have; and halves of a surrogate pair, which UTF-8 can't say."""


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""What no address has."""

_UNREADABLE = "\ufffd"
"""What bytes become that aren't UTF-8, in forms; in JSON they are refused as such."""

_NOT_UTF_8 = "is not UTF-8"

_HOST = re.compile(r"([a-z0-9._~-]+|\[[0-9a-f:.]+\])(:[0-9]{0,5})?", re.ASCII | re.IGNORECASE)

_HEALTH_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class CheckedRequest(Request):
    """A request that gives out no text with control characters: it raises Problem `invalid_request` in its place.

    max_form_files: files that a form may have; where there are more, reading it raises Problem `too_many_photos`.
    """

    form_data_parser_class = FormParser
    max_form_files: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._form_files: list[IO[bytes]] = []

    def close(self) -> None:
        """Called by Flask at the end. Of a form that was given up midway, Werkzeug forgets the files."""
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
        """The body, which must be a JSON object in UTF-8 (RFC 8259). A name that is there twice would have two readings."""
        # a chunked body is cut off at the limit, without an error
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
        """Called by Werkzeug when a route reads fields or files."""
        try:
            super()._load_form_data()
        except InvalidForm as error:
            raise Problem("bad_request", str(error)) from error

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        """Called by Werkzeug with each file of a form that begins."""
        if self.max_form_files is not None and len(self._form_files) >= self.max_form_files:
            raise Problem("too_many_photos", f"the form has more than {self.max_form_files} files")
        file = super()._get_file_stream(*args, **kwargs)
        self._form_files.append(file)
        return file


def register_request_checks(app: Flask) -> None:
    """Look at every request of this application."""
    app.request_class = CheckedRequest
    app.before_request(_check_address)


def _check_address() -> None:
    _check_host()
    _check_coding()
    if _CONTROLS.search(request.path):
        raise Problem("not_found", "no address here has control characters")
    _check_query_bytes()
    _check("query", request.args.items(multi=True))
    if request.path.startswith("/v1/"):
        refuse_repeated("query", request.args)
        _refuse_unread_parameters()


def _check_query_bytes() -> None:
    """Werkzeug leaves bytes that aren't UTF-8 as they are written, percent sign and all: that would be another text."""
    for pair in request.query_string.split(b"&"):
        try:
            unquote_to_bytes(pair).decode()
        except UnicodeDecodeError:
            field = unquote_to_bytes(pair.partition(b"=")[0]).decode(errors="replace")
            raise make_invalid_request([{"in": "query", "field": field, "reason": _NOT_UTF_8}]) from None


def _refuse_unread_parameters() -> None:
    """Refuse a query where the route reads none. A route that reads one refuses by itself what it doesn't know."""
    view = current_app.view_functions.get(request.endpoint or "")
    is_download = view is not None and set(request.args) == {FORMAT} and find_item(view) is not None
    if (
        request.args
        and not is_download
        and view is not None
        and not any(place == "query" for _, place in _list_inputs(view))
    ):
        field = next(iter(request.args))
        raise make_invalid_request(
            [{"in": "query", "field": field, "reason": "is unknown: this address takes no query"}]
        )


def _list_inputs(view: Callable[..., Any]) -> Iterable[tuple[Any, str]]:
    """What APIFlask knows of a route's inputs: the model and the place of each."""
    return getattr(view, "_spec", {}).get("args") or ()


def _check_coding() -> None:
    """Refuse a packed body, which would be taken for the photo itself."""
    coding = request.headers.get("Content-Encoding", "")
    if coding.strip().lower() not in {"", "identity"}:
        detail = f"the body comes in the content coding {coding[:50]!r}; send it as it is"
        raise Problem("bad_request", detail)


def refuse_repeated(place: str, given: MultiDict[str, str]) -> None:
    """Raise Problem `invalid_request` where a field is given more than once: it would have as many readings."""
    for field, values in given.lists():
        if len(values) > 1:
            raise make_invalid_request([{"in": place, "field": field, "reason": "is given more than once"}])


def _check_host() -> None:
    """Refuse a host that isn't ours, since pages and answers repeat it. Health checks come by any name."""
    if request.environ.get("SERVER_PROTOCOL") == "HTTP/1.1" and "Host" not in request.headers:
        raise Problem("bad_request", "the request has no Host header")
    host = request.headers.get("Host", "")
    if host and not _HOST.fullmatch(host):
        raise Problem("bad_request", "the Host header is no host")
    allowed = get_services().settings.allowed_host_list
    if allowed and request.path not in _HEALTH_PATHS and not host_is_trusted(request.host.lower(), allowed):
        raise Problem("bad_request", "the Host header names no host of this service (`EMOSCOPE_ALLOWED_HOSTS`)")


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
    """Every text in what JSON gave, with the name of its outermost field. Without recursion: JSON may be nested deeply."""
    left = [("", found)]
    while left:
        field, value = left.pop()
        if isinstance(value, str):
            yield field, value
        elif isinstance(value, list):
            left += [(field, each) for each in value]
        elif isinstance(value, dict):
            left += [(field or name, part) for name, inner in value.items() for part in (name, inner)]
