"""Gunicorn's HTTP/1.1 parser with further checks of trailers, lengths and codings, and readable error messages."""

from gunicorn.asgi.parser import (
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    InvalidRequestMethod,
    ParseError,
    PythonProtocol,
    UnsupportedTransferCoding,
)

_LENGTH_DIGITS = 19
"""Digits of a Content-Length; no body has more bytes than that. Python refuses to parse numbers of thousands of digits."""

_SENTENCES = {
    InvalidRequestMethod: "the method {} is none: it has 3 to 20 characters, in capitals",
    InvalidHTTPVersion: "the request line ends with {}; this service speaks HTTP/1.1 and HTTP/1.0",
    InvalidHeaderName: "no header or trailer may have the name {} here",
    UnsupportedTransferCoding: "the body comes in the transfer coding {}; only chunked is taken",
}
"""Messages for errors in which Gunicorn gives only the offending text."""


class StrictParser(PythonProtocol):  # type: ignore[misc]  # Gunicorn has no types
    """Refuses invalid trailers, overlong Content-Lengths, and compressed bodies."""

    __slots__ = ()

    @property
    def unread_bytes(self) -> int:
        """Bytes received after a complete request."""
        return len(self._buffer) if self.is_complete else 0

    def feed(self, data: bytes) -> None:
        """Parse the next bytes. Raises ParseError, whose text is sent to the client."""
        try:
            super().feed(data)
        except tuple(_SENTENCES) as error:
            raise type(error)(_SENTENCES[type(error)].format(ascii(str(error)))) from error

    def _finalize_headers(self) -> None:
        for name, value in self._headers_list:
            if name == b"content-length" and value.isdigit() and len(value) > _LENGTH_DIGITS:
                raise InvalidHeader("the Content-Length is larger than any body")
            if name == b"transfer-encoding":
                self._check_codings(value)
        super()._finalize_headers()

    def _check_codings(self, value: bytes) -> None:
        """Refuse a compressed body, which Gunicorn would pass on compressed."""
        for coding in value.split(b","):
            if coding.strip(b" \t").lower() not in {b"chunked", b"identity"}:
                raise UnsupportedTransferCoding(coding.strip(b" \t").decode("latin-1"))

    def _find_line(self, limit: int, error: ParseError) -> int:
        end = int(super()._find_line(limit, error))
        if end > 0 and self._state == "chunked" and self._chunk_state == "trailer":
            name, colon, value = bytes(self._buffer[:end]).partition(b":")
            if not colon or not self._is_valid_token(name) or self._has_invalid_header_chars(value):
                raise InvalidHeader("Invalid trailer field")
        return end
