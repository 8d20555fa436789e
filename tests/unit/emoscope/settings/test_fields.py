from pathlib import Path

import pytest
from pydantic import ValidationError

from emoscope.settings import Settings


def test_without_any_setting_everything_lies_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    assert settings.effective_database_url == f"sqlite:///{tmp_path}/emoscope.db"
    assert settings.effective_blob_url == str(tmp_path / "blobs")
    assert settings.effective_redis_url.startswith("unix:///")
    assert settings.broker_url == settings.effective_redis_url.replace("unix://", "redis+socket://")


def test_two_data_folders_have_two_queues(tmp_path: Path) -> None:
    first, second = (Settings(_env_file=None, data_dir=tmp_path / name) for name in "ab")
    assert first.effective_redis_url != second.effective_redis_url


def test_the_socket_path_is_short_however_long_the_folder_is(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / ("long" * 40))
    assert len(settings.effective_redis_url.removeprefix("unix://")) < 100


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
        ({"max_waits": 32, "api_threads": 32}, "MAX_WAITS"),
        ({"retrain_schedule": "weekly"}, "RETRAIN_SCHEDULE must have five fields"),
        ({"retrain_schedule": "0 25 * * *"}, "RETRAIN_SCHEDULE has the hour '25', where it takes 0 to 23"),
        ({"retrain_schedule": "0 3 31 2 *"}, "RETRAIN_SCHEDULE never comes"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(options: dict[str, object], name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(_env_file=None, **options)  # type: ignore[arg-type]


def test_celery_is_given_a_schedule_that_it_reads() -> None:
    assert Settings(_env_file=None, retrain_schedule=" 0  3 * * 7").effective_retrain_schedule == "0 3 * * 0"
    assert Settings(_env_file=None, retrain_schedule="").effective_retrain_schedule == ""


def test_secrets_do_not_show_in_what_is_printed() -> None:
    assert "hush" not in repr(Settings(_env_file=None, s3_secret_access_key="hush", api_key="hush"))
