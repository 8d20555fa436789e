"""Stored analyses, for whatever works on their faces."""

from collections.abc import Iterator

import pytest

from db.core.session import Database
from emoscope.settings import Settings
from tests.support.factories.analyses import Analyses
from worker.core.services import Services


@pytest.fixture
def analyses(database: Database) -> Analyses:
    return Analyses(database)


@pytest.fixture
def without_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions are made without their form in 8 bits, which takes two thirds of the time of making one."""
    monkeypatch.setattr("training.export.version.quantize_served", lambda *_: None)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """A worker process's connections. Change `services.settings` with `model_copy`."""
    opened = Services(settings)
    yield opened
    opened.database.close()
    opened.redis.close()
