"""URLs in settings, normalized or refused without being repeated."""

import pytest

from emoscope.settings.urls import (
    read_blob_url,
    read_collector_url,
    read_database_url,
    read_host,
    read_http_url,
    read_rate,
)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", ""),
        ("postgres://me:p%40ss@db/emo", "postgresql+psycopg://me:p%40ss@db/emo"),
        ("postgresql://db/emo?sslmode=require", "postgresql+psycopg://db/emo?sslmode=require"),
        ("sqlite+pysqlite:////data/emo.db", "sqlite:////data/emo.db"),
    ],
)
def test_a_database_has_one_form(given: str, read: str) -> None:
    assert read_database_url(given) == read


@pytest.mark.parametrize(
    "given",
    [
        "mysql://me:secret@db/emo",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://secret/x.db",
        "secret",
        "postgresql://h:secret/x",
    ],
)
def test_another_database_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|names)") as refused:
        read_database_url(given)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("given", ["", "/srv/blobs", "blobs", "s3://photos", "s3://photos/a/b"])
def test_blobs_lie_in_a_folder_or_a_bucket(given: str) -> None:
    assert read_blob_url(given) == given


@pytest.mark.parametrize("given", ["s3://", "s3://X", "s3://a", "gs://photos", "http://photos"])
def test_other_places_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match="bucket"):
        read_blob_url(given)


@pytest.mark.parametrize("given", ["", "http://minio:9000", "https://[::1]:9000/path"])
def test_an_http_address_is_taken_as_it_is(given: str) -> None:
    assert read_http_url(given) == given


@pytest.mark.parametrize(
    "given",
    [
        "minio:9000",
        "ftp://minio",
        "http://",
        "http://a b",
        "http://a?x=1",
        "http://a:0",
        "http://a:99999",
        "http://a\n",
    ],
)
def test_what_is_no_http_address_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="must be an address"):
        read_http_url(given)


@pytest.mark.parametrize(
    ("given", "is_host"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("fe80::1", True),
        ("api.local", True),
        ("host:80", False),
        ("", False),
        ("-x", False),
        ("[::1]", False),
        ("a b", False),
    ],
)
def test_a_host_has_no_port(given: str, *, is_host: bool) -> None:
    if is_host:
        assert read_host(given) == given
    else:
        with pytest.raises(ValueError, match="without a port"):
            read_host(given)


@pytest.mark.parametrize(
    ("given", "is_rate"),
    [
        ("", True),
        ("600/minute", True),
        ("0/second", False),
        ("5/day", False),
        ("5 / hour", False),
        ("\u0665/hour", False),
    ],
)
def test_a_rate_is_a_number_in_a_time(given: str, *, is_rate: bool) -> None:
    if is_rate:
        assert read_rate(given) == given
    else:
        with pytest.raises(ValueError, match="number of requests"):
            read_rate(given)


def test_a_collector_of_traces_is_an_http_address_and_needs_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_collector_url("") == ""
    assert read_collector_url("http://collector:4318") == "http://collector:4318"
    with pytest.raises(ValueError, match="must be an address"):
        read_collector_url("collector:4318")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert read_collector_url("") == ""
    with pytest.raises(ValueError, match=r"install emoscope\[fleet\]"):
        read_collector_url("http://collector:4318")
