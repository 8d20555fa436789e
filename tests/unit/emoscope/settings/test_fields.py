import os
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from pydantic import ValidationError
from sqlalchemy import make_url

from db.core.vocabulary import Detector
from emoscope.settings import Settings, load_settings
from emoscope.settings.problems import InvalidSettings


def test_without_any_setting_everything_lies_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    assert settings.effective_database_url == f"sqlite:///{tmp_path}/emoscope.db"
    assert settings.effective_blob_url == str(tmp_path / "blobs")
    assert settings.effective_redis_url.startswith("unix:///")
    assert settings.broker_url.startswith("redis+socket:///")


def test_two_data_folders_have_two_queues(tmp_path: Path) -> None:
    first, second = (Settings(_env_file=None, data_dir=tmp_path / name) for name in "ab")
    assert first.effective_redis_url != second.effective_redis_url


def test_the_socket_path_is_short_however_long_the_folder_is(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / ("long" * 40))
    assert len(settings.redis_address.socket) < 100


def test_another_process_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path,
        port=8123,
        s3_secret_access_key="secret",
        callback_private_hosts=True,
        rate_limit="",
        detection_threshold=0.7,
    )
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None).model_dump() == settings.model_dump()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1:8000"),
        ("photos.local", "photos.local:8000"),
        ("::1", "[::1]:8000"),
        ("::", "[::]:8000"),
    ],
)
def test_an_address_of_ipv6_stands_in_brackets(host: str, address: str) -> None:
    assert Settings(_env_file=None, host=host).address == address


@pytest.mark.parametrize("name", ["DATASET_CSV", "YUNET_WEIGHTS", "DETECTION_THRESHOLD"])
def test_a_variable_set_to_nothing_is_as_if_it_were_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"EMOSCOPE_{name}", "")
    assert getattr(Settings(_env_file=None), name.lower()) is None


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"soft_time_limit_s": 60, "hard_time_limit_s": 60}, "HARD_TIME_LIMIT"),
        ({"retrain_schedule": "weekly"}, "RETRAIN_SCHEDULE must have five fields"),
        ({"retrain_schedule": "0 25 * * *"}, "RETRAIN_SCHEDULE has the hour '25', where it takes 0 to 23"),
        ({"retrain_schedule": "0 3 31 2 *"}, "RETRAIN_SCHEDULE never comes"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(options: dict[str, object], name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(_env_file=None, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DATABASE_URL", "nonsense", "must be a URL such as"),
        ("DATABASE_URL", "mysql://u:secret@h/db", "must begin with postgresql:// or sqlite://"),
        ("DATABASE_URL", "postgresql+psycopg2://u:secret@h/db", "must begin with postgresql:// or sqlite://"),
        ("DATABASE_URL", "postgres://u:secret@h:port/db", "must be a URL such as"),
        ("DATABASE_URL", "sqlite://", "must name SQLite's file"),
        ("DATABASE_URL", "sqlite:///:memory:", "must name SQLite's file"),
        ("REDIS_URL", "127.0.0.1:6379", "must be redis://host:port/number"),
        ("REDIS_URL", "redis://:secret@h:port/0", "must name a port from 1 to 65535"),
        ("BLOB_URL", "gs://bucket", "must be s3://bucket/prefix"),
        ("BLOB_URL", "s3://", "must be s3://bucket/prefix"),
        ("S3_ENDPOINT", "minio:9000", "must be an address such as"),
        ("API_URL", "http://host:port", "must be an address such as"),
        ("API_URL", "ftp://host", "must be an address such as"),
        ("HOST", "127.0.0.1:8000", "must be an address or a name without a port"),
        ("HOST", "", "must be an address or a name without a port"),
        ("PORT", "1e3", "must be a whole number"),
        ("PORT", "8_000", "must be a whole number"),
        ("PORT", " 8000", "must be a whole number"),
        ("PORT", "true", "must be a whole number"),
        ("PORT", "", "should be a valid integer"),
        ("PORT", "70000", "should be less than or equal to 65535"),
        ("LEASE_S", "nan", "must be a number"),
        ("LEASE_S", "inf", "must be a number"),
        ("LEASE_S", "1e3", "must be a number"),
        ("RETRAIN_LEARNING_RATE", "nan", "should be a finite number"),
        ("CALLBACK_PRIVATE_HOSTS", "maybe", "should be a valid boolean"),
        ("CALLBACK_PORTS", "0", "must name ports from 1 to 65535"),
        ("CALLBACK_PORTS", "443-80", "must name ports from 1 to 65535"),
        ("CALLBACK_PORTS", "https", "must be ports and ranges"),
        ("RATE_LIMIT", "lots", "must be a number of requests"),
        ("RATE_LIMIT", "0/minute", "must be a number of requests"),
        ("DETECTOR", "eyes", "should be 'blazeface'"),
        ("LOG_LEVEL", "LOUD", "should be 'DEBUG'"),
        ("RETRAIN_SCHEDULE", "weekly", "must have five fields"),
    ],
)
def test_a_setting_that_is_refused_is_named_with_its_fault(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None], name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(f"EMOSCOPE_{name}", value)
    fresh_settings()
    with pytest.raises(InvalidSettings) as refused:
        load_settings()
    [problem] = refused.value.problems
    assert problem.setting == f"EMOSCOPE_{name}"
    assert problem.reason.startswith(reason)
    assert "secret" not in str(problem)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_name_of_postgresql_works(scheme: str) -> None:
    settings = Settings(_env_file=None, database_url=f"{scheme}://u:p%40@127.0.0.1/db?sslmode=require")
    assert settings.effective_database_url == "postgresql+psycopg://u:p%40@127.0.0.1/db?sslmode=require"


def test_a_data_folder_set_to_nothing_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Settings(_env_file=None).data_dir
    monkeypatch.setenv("EMOSCOPE_DATA_DIR", "")
    assert Settings(_env_file=None).data_dir == usual


def test_a_learning_rate_may_be_written_with_an_exponent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOSCOPE_RETRAIN_LEARNING_RATE", "5e-5")
    assert Settings(_env_file=None).retrain_learning_rate == 5e-5


def test_callback_ports_are_numbers_and_ranges() -> None:
    assert Settings(_env_file=None, callback_ports="443, 8000-8010").callback_port_ranges == [
        range(443, 444),
        range(8000, 8011),
    ]


def test_celery_is_given_a_schedule_that_it_reads() -> None:
    assert Settings(_env_file=None, retrain_schedule=" 0  3 * * 7").effective_retrain_schedule == "0 3 * * 0"
    assert Settings(_env_file=None, retrain_schedule="").effective_retrain_schedule == ""


def test_secrets_do_not_show_in_what_is_printed() -> None:
    assert "hush" not in repr(Settings(_env_file=None, s3_secret_access_key="hush", api_key="hush"))


def test_the_stack_is_found_whatever_the_temporary_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor may run in another shell than the stack."""
    for data_dir in (tmp_path, tmp_path / ("long" * 30)):
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        first = Settings(_env_file=None, data_dir=data_dir)
        monkeypatch.setenv("TMPDIR", "/var/tmp")
        assert Settings(_env_file=None, data_dir=data_dir).effective_redis_url == first.effective_redis_url
        assert len(os.fsencode(first.queue_socket)) < 104


@pytest.mark.parametrize("name", ["my data", "50%41", "a#b", "a?b=c", "ü", "quote'"])
def test_any_folder_s_name_reaches_the_database_and_the_queue(tmp_path: Path, name: str) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / name)
    assert make_url(settings.effective_database_url).database == str(tmp_path / name / "emoscope.db")
    client = redis.Redis.from_url(settings.effective_redis_url)
    assert client.connection_pool.connection_kwargs["path"] == str(settings.queue_socket)


def test_weights_are_those_of_the_setting_that_a_detector_names(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, yunet_weights=tmp_path / "yunet.onnx")
    assert settings.find_weights(Detector.YUNET) == tmp_path / "yunet.onnx"
    assert settings.find_weights(Detector.BLAZEFACE) is None
    assert Settings(_env_file=None).find_weights(Detector.YUNET) is None
    assert {each.weights_setting for each in Detector} - {""} <= set(Settings.model_fields)
