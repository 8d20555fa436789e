"""A soak test of twenty photos, and the statistics that separate growth from noise; `make soak` sends ten thousand."""

import random
from collections.abc import Callable

import pytest

from tests.acceptance.conftest import Service
from tests.soak.__main__ import find_grown, run_photos
from tests.soak.photos import make_photo
from tests.soak.sampling import Samples, Slope, fit_slope


def test_every_process_is_measured_while_photos_are_analysed(start_service: Callable[[str], Service]) -> None:
    service, samples = start_service("one-machine"), Samples()
    assert run_photos(service.url, service.api_key, 1, 20, samples, service.settings.stack_socket) == 0
    names = {name for name, _ in samples.photos}
    assert names >= {"api", "api process", "worker", "worker process", "housekeeper", "beat", "valkey"}
    assert all(found.keys() == {"memory_mb", "files", "threads"} for found in samples.fit(20).values())


def test_all_photos_of_a_soak_differ() -> None:
    photos = [make_photo(1, number) for number in range(40)]
    assert len(set(photos)) == 40
    assert photos[3] == make_photo(1, 3)
    assert photos[3] != make_photo(2, 3)


@pytest.mark.parametrize(("growth", "grows"), [(0.0, False), (0.02, True)])
def test_growth_is_distinguished_from_noise(growth: float, grows: bool) -> None:
    chance = random.Random(3)
    photos = list(range(0, 2000, 20))
    slope = fit_slope(photos, [100 + growth * count + chance.gauss(0, 2) for count in photos])
    assert slope.low <= 1000 * growth <= slope.high
    assert (
        bool(find_grown({"api 1": {"memory_mb": slope, "files": Slope(0, 0, 0), "threads": Slope(0, 0, 0)}})) == grows
    )
