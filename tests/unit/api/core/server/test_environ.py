"""The WSGI environ of a request."""

import io

from api.core.server.environ import Scope, add_body, find_header, make_environ


def make_scope(raw_path: bytes = b"/", query: bytes = b"", *headers: tuple[bytes, bytes]) -> Scope:
    return {
        "method": "GET", "raw_path": raw_path, "query_string": query, "server": ("::1", 8000), "scheme": "http",
        "client": ("203.0.113.9", 4711), "http_version": "1.1", "headers": list(headers),
    }  # fmt: skip


def test_paths_are_unquoted_once_and_queries_left_alone() -> None:
    environ = make_environ(make_scope(b"/a%20b/%C3%A9%2525?x=1", b"x=%20"))
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/a b/é%25"
    assert environ["QUERY_STRING"] == "x=%20"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["REMOTE_ADDR"]) == ("::1", "8000", "203.0.113.9")


def test_a_request_line_may_name_the_whole_url() -> None:
    for raw_path, path in ((b"http://host/a", "/a"), (b"HTTPS://host", "/"), (b"//host/a", "//host/a")):
        assert make_environ(make_scope(raw_path))["PATH_INFO"] == path


def test_repeated_headers_are_joined_and_cookies_in_their_own_way() -> None:
    headers = ((b"accept", b"a"), (b"accept", b"b"), (b"cookie", b"x=1"), (b"cookie", b"y=2"), (b"content-type", b"t"))
    environ = make_environ(make_scope(b"/", b"", *headers))
    assert (environ["HTTP_ACCEPT"], environ["HTTP_COOKIE"], environ["CONTENT_TYPE"]) == ("a,b", "x=1; y=2", "t")
    assert "HTTP_CONTENT_TYPE" not in environ
    assert find_header(make_scope(b"/", b"", *headers), b"accept") == b"a"
    assert find_header(make_scope(), b"accept") is None


def test_a_whole_body_has_a_length_however_it_came() -> None:
    environ = make_environ(make_scope(b"/", b"", (b"transfer-encoding", b"chunked")))
    add_body(environ, io.BytesIO(b"abc"), 3)
    assert (environ["CONTENT_LENGTH"], "HTTP_TRANSFER_ENCODING" in environ) == ("3", False)
