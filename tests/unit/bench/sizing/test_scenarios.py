from bench.sizing.fit import _list_gaps, read_parameters
from bench.sizing.scenarios import Measured, Scenario, Seen


def test_photos_come_in_bursts_at_the_rate_that_was_asked_for() -> None:
    arrivals = Scenario("bursts", 2, rate=10, photos=2_000, burst=4).list_arrivals()
    assert len(arrivals) == 2_000
    assert arrivals == sorted(arrivals)
    assert arrivals[0] == arrivals[3] < arrivals[4]
    assert 150 < arrivals[-1] < 250


def test_gaps_are_told_apart_by_whether_a_process_was_free() -> None:
    jobs = [Seen(0.0, 0.1, 1.0), Seen(0.5, 1.2, 2.0), Seen(5.0, 5.3, 6.0)]
    gaps = [(was_idle, round(gap, 3)) for was_idle, gap in _list_gaps(jobs, 1)]
    assert gaps == [(True, 0.1), (False, 0.2), (True, 0.3)]
    parameters = read_parameters([(Scenario("one", 1, 1, 3), Measured(jobs, 0.01))])
    assert [round(each, 3) for each in parameters.work_s] == [0.9, 0.8, 0.7]
    assert parameters.submit_s == [0.01]
