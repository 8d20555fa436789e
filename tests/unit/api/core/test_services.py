"""External connections of the routes, opened once per process."""

from pathlib import Path

from flask import Flask

from api.core.services import get_services, open_services
from db.core.vocabulary import Detector
from emoscope.settings import Settings


def test_what_actions_on_jobs_take_follows_the_settings(tmp_path: Path) -> None:
    weights = tmp_path / "yunet.onnx"
    for configured, has_yunet in ((None, False), (weights, True)):
        settings = Settings(
            _env_file=None, data_dir=tmp_path, redis_url=f"unix://{tmp_path}/none.sock", yunet_weights=configured,
            max_queued_jobs=7,
        )  # fmt: skip
        services = open_services(settings)
        assert services.jobs.room.max_queued_jobs == 7
        assert (Detector.YUNET in services.jobs.configured_detectors) == has_yunet
        assert Detector.BLAZEFACE in services.jobs.configured_detectors
        services.close()


def test_an_application_finds_its_own_services(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, redis_url=f"unix://{tmp_path}/none.sock")
    app, services = Flask("test"), open_services(settings)
    services.install(app.extensions)
    with app.app_context():
        assert get_services() is services
    services.close()
