"""A strict form parser.

Werkzeug parses a malformed form as an empty one, so the client would be told that a photo is missing. This parser raises an error
that names the fault. Odd file names are accepted.
"""

from collections.abc import Iterator
from typing import IO, Any, cast

from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser, MultiPartParser
from werkzeug.sansio.multipart import (
    HEADER_CONTINUATION_RE,
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
    State,
)

FILE_FIELDS = frozenset({"image"})
"""Fields that are files even without a file name."""

_BUFFER_BYTES = 64 * 1024


class InvalidForm(Exception):
    """The body doesn't match its Content-Type. The message says why."""


class FormParser(FormDataParser):
    """A form parser that raises InvalidForm where Werkzeug's returns an empty form."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.silent = False

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Parse a form; see Werkzeug."""
        try:
            return super().parse(*args, **kwargs)
        except UnicodeDecodeError:
            raise InvalidForm("the form is not UTF-8") from None
        except UnicodeEncodeError:
            raise InvalidForm("the boundary in Content-Type is not ASCII") from None

    def _parse_multipart(
        self, stream: IO[bytes], _mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> Any:
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise InvalidForm("the Content-Type multipart/form-data names no boundary")
        parser = _PartsParser(
            stream_factory=self.stream_factory,
            max_form_memory_size=self.max_form_memory_size,
            max_form_parts=self.max_form_parts,
            cls=self.cls,
        )
        return (stream, *parser.parse(stream, boundary, content_length))


class _Decoder(MultipartDecoder):
    def next_event(self) -> Event:
        state = self.state
        try:
            event = super().next_event()
        except (ValueError, AttributeError):  # AttributeError if a part ends right after its headers
            raise InvalidForm(self.describe_fault(state)) from None
        if isinstance(event, Field | File) and not event.name:
            raise InvalidForm("a part of the form has no name")
        return event

    def describe_fault(self, state: State) -> str:
        boundary = self.boundary.decode("ascii")
        if state is State.PREAMBLE:
            return f"the boundary {boundary} that Content-Type names doesn't begin any part of the body"
        if state is State.PART and not self.complete:
            return "a part of the form has no Content-Disposition header"
        if state is State.PART:
            return "the form ends within the headers of a part"
        return f"the form ends without its closing boundary --{boundary}--"

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        """Parse headers like Werkzeug, but accept names that aren't UTF-8: old systems send them, and the name doesn't matter."""
        headers = Headers()
        for raw_line in HEADER_CONTINUATION_RE.sub(b" ", data).splitlines():
            try:
                line = raw_line.decode()
            except UnicodeDecodeError:
                line = raw_line.decode("latin-1")
            if line.strip():
                name, _, value = line.partition(":")
                headers.add(name.strip(" \t"), value.strip(" \t"))
        return headers


class _PartsParser(MultiPartParser):
    def parse(
        self, stream: IO[bytes], boundary: bytes, content_length: int | None
    ) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        part: Field | File | None = None
        content: Any = None
        for event in self._list_events(stream, boundary):
            if isinstance(event, Data):
                assert part is not None  # data follows its part's headers
                content.write(event.data)
                if not event.more_data:
                    self._finish_part(part, content, fields, files)
            elif isinstance(event, Field) and event.name not in FILE_FIELDS:
                part, content = event, _FieldContent(self.max_form_memory_size)
            elif isinstance(event, Field | File):
                part = File(
                    name=event.name, headers=event.headers, filename=cast("str", getattr(event, "filename", None))
                )
                content = self.start_file_streaming(part, content_length)
        return self.cls(fields), self.cls(files)

    def _list_events(self, stream: IO[bytes], boundary: bytes) -> Iterator[Event]:
        decoder = _Decoder(boundary, max_form_memory_size=self.max_form_memory_size, max_parts=self.max_form_parts)
        while not decoder.complete:
            try:
                decoder.receive_data(stream.read(_BUFFER_BYTES) or None)
            except RequestEntityTooLarge:
                if decoder.state is State.PREAMBLE:
                    raise InvalidForm(decoder.describe_fault(decoder.state)) from None
                raise
            while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
                yield event

    def _finish_part(
        self, part: Field | File, content: Any, fields: list[tuple[str, str]], files: list[tuple[str, FileStorage]]
    ) -> None:
        if isinstance(part, File):
            content.seek(0)
            files.append((part.name, FileStorage(content, part.filename, part.name, headers=part.headers)))
        else:
            charset = self.get_part_charset(part.headers)
            fields.append((part.name, b"".join(content.pieces).decode(charset, "replace")))


class _FieldContent:
    """A text field that is arriving, within the memory limit of forms."""

    def __init__(self, max_bytes: int | None) -> None:
        self.pieces: list[bytes] = []
        self._left = max_bytes

    def write(self, data: bytes) -> None:
        self.pieces.append(data)
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise RequestEntityTooLarge
