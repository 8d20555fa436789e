"""What no route should get: text with control characters, which a database refuses and a terminal obeys; and files without end.

It is looked at once for all routes: path and query before the route, JSON and forms when the route reads them, within the
limits that it has set by then. Names of files aren't refused but cleaned, see `api/photos/uploads.py`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import IO, Any

from flask import Flask, Request, request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.sansio.utils import host_is_trusted

from api.core.errors import Problem, make_invalid_request
from api.core.multipart import FormParser, InvalidForm
from api.core.services import get_services

_REFUSED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and line breaks, which a reason may have; and halves of a surrogate pair, which UTF-8 can't say."""


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
    if _REFUSED.search(request.path):
        raise Problem("not_found", "no address here has control characters")
    _check("query", request.args.items(multi=True))
    if request.path.startswith("/v1/"):
        refuse_repeated("query", request.args)


def refuse_repeated(place: str, given: MultiDict[str, str]) -> None:
    """Raise Problem `invalid_request` where a field is given more than once: it would have as many readings."""
    for field, values in given.lists():
        if len(values) > 1:
            raise make_invalid_request([{"in": place, "field": field, "reason": "is given more than once"}])


def _check_host() -> None:
    """Refuse a host that isn't ours, since pages and answers repeat it. Health checks come by any name."""
    if request.environ.get("SERVER_PROTOCOL") == "HTTP/1.1" and "Host" not in request.headers:
        raise Problem("bad_request", "the request has no Host header")
    allowed = get_services().settings.allowed_host_list
    if allowed and request.path not in _HEALTH_PATHS and not host_is_trusted(request.host.lower(), allowed):
        raise Problem("bad_request", "the Host header names no host of this service (`EMOSCOPE_ALLOWED_HOSTS`)")


def _check(place: str, texts: Iterable[tuple[str, str]]) -> None:
    for field, text in texts:
        if _REFUSED.search(text) or _REFUSED.search(field):
            reason = "may have no control characters but tabs and line breaks"
            raise make_invalid_request([{"in": place, "field": field, "reason": reason}])


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
