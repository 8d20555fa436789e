"""Gunicorn's parser of HTTP/1.1, with trailers checked too."""

from gunicorn.asgi.parser import InvalidHeader, ParseError, PythonProtocol


class StrictParser(PythonProtocol):  # type: ignore[misc]  # Gunicorn has no types
    """Refuses trailer lines that are no header fields. Gunicorn skips them unread."""

    __slots__ = ()

    @property
    def unread_bytes(self) -> int:
        """Bytes that came behind a whole request."""
        return len(self._buffer) if self.is_complete else 0

    def _find_line(self, limit: int, error: ParseError) -> int:
        end = int(super()._find_line(limit, error))
        if end > 0 and self._state == "chunked" and self._chunk_state == "trailer":
            name, colon, value = bytes(self._buffer[:end]).partition(b":")
            if not colon or not self._is_valid_token(name) or self._has_invalid_header_chars(value):
                raise InvalidHeader("Invalid trailer field")
        return end
