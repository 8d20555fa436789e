"""Where callbacks may go."""

import pytest

from api.webhooks.address_guard import check_callback_url


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?x=1",
        "http://example.com:8080/",
        "https://93.184.215.14/",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
    ],
)
def test_a_public_address_is_taken(url: str) -> None:
    check_callback_url(url, may_be_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:8000/", "http://LOCALHOST./", "http://a.localhost/", "http://printer.local/",
        "http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/", "http://[::1]/", "http://0.0.0.0/",
        "http://[::ffff:10.0.0.1]/", "http://[fe80::1]/", "http://metadata.google.internal/",
    ],
)  # fmt: skip
def test_a_private_address_is_taken_only_where_allowed(url: str) -> None:
    with pytest.raises(ValueError, match="public host"):
        check_callback_url(url, may_be_private=False)
    check_callback_url(url, may_be_private=True)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/", "begin with"),
        ("javascript:alert(1)", "begin with"),
        ("example.com/hook", "begin with"),
        ("https:///path", "host"),
        ("https://user:secret@example.com/", "user name"),
        ("https://a..b/", "1 to 63"),
        (f"https://{'a' * 64}.example/", "1 to 63"),
        ("https://example.com:99999/", "port"),
        ("https://example.com:port/", "port"),
        ("https://exa mple.com/", "plain URL"),
        ("https://example.com/\r\nHost: x", "plain URL"),
        ("https://exämple.com/", "plain URL"),
        ("https://[::1", "IPv6"),
        ("", "begin with"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_callback_url(url, may_be_private=True)
