"""Two hundred damaged photos through the running service; `make fuzz` sends twenty thousand."""

from collections.abc import Callable

from tests.acceptance.conftest import Service
from tests.fuzz.run import FuzzReport, compare_processes, decode_mutants, measure_processes, submit_mutants

SEED = 11
NUMBERS = range(200)


def test_damaged_photos_are_refused_or_end_as_jobs_and_harm_no_process(start_service: Callable[[str], Service]) -> None:
    service, report = start_service("one-machine"), FuzzReport()
    decode_mutants(SEED, NUMBERS, report)
    idle = measure_processes(service.settings.data_dir)
    submit_mutants(service.url, service.api_key, service.database, SEED, NUMBERS, report)
    compare_processes(idle, measure_processes(service.settings.data_dir), report)
    assert report.faults == []
    assert report.answers.keys() >= {"202", "broken_picture", "not_a_picture"}
    assert report.endings["succeeded"] > 20
