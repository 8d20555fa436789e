"""URLs that the service may call for clients."""

from ipaddress import ip_address

import pytest

from db.core.outgoing import Destination, RefusedUrl, is_public, read_destination

WEB = [range(80, 81), range(443, 444), range(1024, 65536)]
ALL = [range(1, 65536)]


def read(url: str, *, allows_private: bool = False, ports: list[range] = WEB) -> Destination:
    return read_destination(url, allows_private=allows_private, ports=ports)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/hook?x=1", Destination("https", "example.com", 443, "/hook?x=1")),
        ("HTTP://Example.COM:8080", Destination("http", "example.com", 8080, "/")),
        ("https://example.com./", Destination("https", "example.com.", 443, "/")),
        ("https://93.184.215.14/", Destination("https", "93.184.215.14", 443, "/")),
        ("https://[2606:2800:21f::1]/", Destination("https", "2606:2800:21f::1", 443, "/")),
        ("https://xn--strae-oqa.example.com/", Destination("https", "xn--strae-oqa.example.com", 443, "/")),
        ("https://example.com:/#@127.0.0.1/", Destination("https", "example.com", 443, "/")),
        ("https://example.com?@127.0.0.1", Destination("https", "example.com", 443, "/?@127.0.0.1")),
    ],
)
def test_read_destination_takes_a_public_host_apart(url: str, expected: Destination) -> None:
    assert read(url) == expected


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "10.0.0.1", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "192.0.0.9", "192.0.2.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "[::]", "[::1]", "[::10.0.0.1]", "[::8.8.8.8]", "[::ffff:10.0.0.1]", "[::ffff:8.8.8.8]", "[::ffff:0:8.8.8.8]",
        "[64:ff9b::a00:1]", "[64:ff9b::8.8.8.8]", "[64:ff9b:1::1]", "[100::1]", "[2001::1]", "[2001:20::1]", "[2001:db8::1]",
        "[2002:a00:1::]", "[2002:808:808::]", "[2606:4700:0:0:0:5efe:10.0.0.1]", "[2606:4700::200:5efe:8.8.8.8]", "[3fff::1]",
        "[5f00::1]", "[fc00::1]", "[fd12:3456::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[ff0e::1]",
        "localhost", "LOCALHOST.", "a.localhost", "printer.local", "metadata.google.internal", "db", "nas.lan", "nas.home.arpa",
    ],
)  # fmt: skip
def test_read_destination_takes_what_is_not_certainly_public_only_where_allowed(host: str) -> None:
    with pytest.raises(RefusedUrl, match="public host"):
        read(f"http://{host}/")
    read(f"http://{host}/", allows_private=True)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "127.1", "127.0.1", "0177.0.0.1", "017700000001", "127.0.0.1.",
        "127.0.0.01", "256.0.0.1", "1.2.3.4.5", "0x", "8.8.8", "8.8.8.0x8", "%31%32%37.0.0.1",
    ],
)  # fmt: skip
def test_read_destination_refuses_every_other_form_of_an_ipv4_address(host: str) -> None:
    with pytest.raises(RefusedUrl, match="four decimal numbers"):
        read(f"http://{host}/", allows_private=True)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/", "begin with"),
        ("javascript:alert(1)", "begin with"),
        ("http:example.com", "begin with"),
        ("example.com/hook", "begin with"),
        ("", "begin with"),
        ("https:///path", "name a host"),
        ("https://user:secret@example.com/", "user name"),
        ("https://127.0.0.1:80@example.com/", "user name"),
        ("https://a..b/", "1 to 63"),
        ("https://example.com../", "1 to 63"),
        (f"https://{'a' * 64}.example/", "1 to 63"),
        (f"https://{'.'.join(['a' * 60] * 5)}/", "1 to 63"),
        ("https://ex%61mple.com/", "1 to 63"),
        ("https://xn--99999999.com/", "Punycode"),
        ("https://example.com:99999/", "port"),
        ("https://example.com:port/", "port"),
        ("https://example.com:+80/", "port"),
        ("https://example.com:0/", "port"),
        ("https://example.com:22/", "port 22"),
        ("https://exa mple.com/", "plain URL"),
        ("https://example.com/\r\nHost: x", "plain URL"),
        ("https://example.com\\@127.0.0.1/", "plain URL"),
        ("https://exämple.com/", "plain URL"),
        ("https://①②⑦.⓪.⓪.①/", "plain URL"),
        ("https://[::1", "IPv6"),
        ("https://[v1.a]/", "IPv6"),
        ("https://[127.0.0.1]/", "IPv6"),
        ("https://[fe80::1%25eth0]/", "zone"),
        ("https://[2606:4700::1111%251]/", "zone"),
        ("https://2606:4700::1111/", "host, and a port"),
        ("https://example.com/" + "x" * 2000, "characters"),
    ],
)
def test_read_destination_says_what_is_wrong_with_a_url(url: str, reason: str) -> None:
    with pytest.raises(RefusedUrl, match=reason):
        read(url)


def test_read_destination_calls_only_the_ports_of_the_policy() -> None:
    assert read("https://example.com:22/", ports=ALL).port == 22
    with pytest.raises(RefusedUrl, match="port 443"):
        read("https://example.com/", ports=[range(8443, 8444)])


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::200e"])
def test_is_public_takes_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))


def test_is_public_refuses_an_address_of_a_zone() -> None:
    assert not is_public(ip_address("2606:4700:4700::1111%1"))
