import random
import statistics
from typing import Any

import pytest

from bench.sizing.model import Parameters, Shape, simulate


def make_parameters(work_s: float, gap_s: float = 0.0, **more: Any) -> Parameters:
    return Parameters((work_s,), (gap_s,), (gap_s,), **more)


def test_a_job_alone_takes_its_gap_and_its_work() -> None:
    outcome = simulate([1.0, 10.0], Shape(1), make_parameters(0.5, 0.1))
    assert outcome.totals_s == pytest.approx([0.6, 0.6])


def test_a_queue_of_one_server_waits_as_long_as_the_formula_says() -> None:
    """Pollaczek and Khinchine: with a load r of constant work w the mean wait is r * w / (2 * (1 - r))."""
    chance, at, arrivals = random.Random(3), 0.0, list[float]()
    for _ in range(40_000):
        at += chance.expovariate(0.7)
        arrivals.append(at)
    outcome = simulate(arrivals, Shape(1), make_parameters(1.0))
    assert statistics.mean(outcome.totals_s) == pytest.approx(1 + 0.7 / (2 * 0.3), rel=0.06)


def test_processes_share_the_cores_that_there_are() -> None:
    assert max(simulate([0.0, 0.0], Shape(2), make_parameters(1.0)).totals_s) == pytest.approx(1.0)
    assert min(simulate([0.0, 0.0], Shape(2, cores=1), make_parameters(1.0)).totals_s) == pytest.approx(2.0, abs=0.01)


def test_submissions_take_their_turn_in_the_api_and_at_the_database() -> None:
    parameters = make_parameters(0.0, submit_s=(0.2,), write_s=(1.0,))
    outcome = simulate([0.0, 0.0], Shape(2, api_processes=1, database_servers=1), parameters)
    assert outcome.totals_s == pytest.approx(
        [1.4, 1.8]
    )  # the second write of the first waits for the first of the second


def test_a_lost_message_waits_for_the_sweeper() -> None:
    assert simulate([3.0], Shape(1, sweep_s=10, lost_share=1), make_parameters(0.5)).totals_s == pytest.approx([7.5])


def test_more_than_may_wait_are_refused_and_an_outage_makes_them_wait() -> None:
    arrivals = [1 + number / 10 for number in range(50)]
    short, free = (
        simulate(arrivals, Shape(2, most_queued=most), make_parameters(0.01), outage=(0.5, 10.0)) for most in (20, 1000)
    )
    assert (short.refused, len(short.totals_s)) == (30, 20)
    assert (free.refused, free.longest_queue) == (0, 49)
    assert max(free.totals_s) == pytest.approx(9.5, abs=0.1)
