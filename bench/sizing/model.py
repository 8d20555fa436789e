"""Simulates the service: API, database, queue, store, workers and sweeper, with simpy and measured parameters.

Every component is a number of servers, each of which handles one thing at a time, for a time drawn from measurements. API and
workers of one machine share its cores.
"""

import random
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

_TURN_S = 0.004
"""Time slice of a process while others want its core: about that of Linux."""

Process = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Parameters:
    """What was measured, in seconds.

    work_s: samples of a job's time from its claim to its end, in a worker process that has a core. idle_gap_s: samples of the time
    until a process that was free has claimed a job that came. next_gap_s: until one that ended a job has claimed one that waited.
    submit_s: processor time of a submission. write_s: that the database is at one job, all its transactions together.
    crowded_speed: how fast a core is while all of them are wanted, beside 1 while one is free: other programs want them too.
    """

    work_s: Sequence[float]
    idle_gap_s: Sequence[float]
    next_gap_s: Sequence[float]
    submit_s: Sequence[float] = (0.0,)
    write_s: Sequence[float] = (0.0,)
    crowded_speed: float = 1.0


@dataclass(frozen=True)
class Shape:
    """Size of each component. cores: shared by API and workers; 0: one core per process.

    sweep_s, lost_share: interval of the sweeper, and share of messages that are lost. most_queued: as `max_queued_jobs`.
    """

    worker_processes: int
    cores: int = 0
    api_processes: int = 0
    database_servers: int = 0
    sweep_s: float = 10.0
    lost_share: float = 0.0
    most_queued: int = 10_000_000


@dataclass
class Outcome:
    """Seconds from submission to result of each ended job, and the number of refused ones."""

    totals_s: list[float] = field(default_factory=list)
    refused: int = 0
    longest_queue: int = 0


class Service:
    """One installation."""

    def __init__(self, environment: simpy.Environment, shape: Shape, parameters: Parameters, seed: int) -> None:
        self._environment, self._shape, self._parameters = environment, shape, parameters
        self._chance = random.Random(seed)
        self._workers = simpy.Resource(environment, shape.worker_processes)
        self._api = simpy.Resource(environment, shape.api_processes) if shape.api_processes else None
        self._cores = simpy.Resource(environment, shape.cores) if shape.cores else None
        self._database = simpy.Resource(environment, shape.database_servers) if shape.database_servers else None
        self.outcome = Outcome()

    def take(self, arrivals: Iterable[float]) -> Process:
        """Let photos arrive at these times."""
        for at in arrivals:
            yield self._environment.timeout(max(0.0, at - self._environment.now))
            self._environment.process(self._serve())

    def stop_workers(self, at: float, for_s: float) -> Process:
        """Let no worker claim a job for this long, as while their database is down."""
        yield self._environment.timeout(at)
        for _ in range(self._shape.worker_processes):
            self._environment.process(self._hold(for_s))

    def _hold(self, for_s: float) -> Process:
        with self._workers.request() as place:
            yield place
            yield self._environment.timeout(for_s)

    def _serve(self) -> Process:
        if len(self._workers.queue) >= self._shape.most_queued:
            self.outcome.refused += 1
            return
        submit_s = self._chance.choice(self._parameters.submit_s)
        if self._api is not None:
            with self._api.request() as place:
                yield place
                yield from self._compute(submit_s)
        began = self._environment.now  # time of the job's row
        yield from self._use(self._database, self._parameters.write_s, 0.4)  # the job, its event, the key's count
        if self._chance.random() < self._shape.lost_share:
            yield self._environment.timeout(self._shape.sweep_s - self._environment.now % self._shape.sweep_s)
        self.outcome.longest_queue = max(self.outcome.longest_queue, len(self._workers.queue))
        gaps_s = self._parameters.idle_gap_s
        if self._workers.count >= self._workers.capacity:
            gaps_s = self._parameters.next_gap_s
        with self._workers.request() as place:
            yield place
            yield self._environment.timeout(self._chance.choice(gaps_s))
            yield from self._compute(self._chance.choice(self._parameters.work_s))
            yield from self._use(self._database, self._parameters.write_s, 0.6)  # claim, result, faces, events
        self.outcome.totals_s.append(self._environment.now - began)

    def _compute(self, needed_s: float) -> Process:
        """Use processor time, sharing cores with other processes."""
        if self._cores is None:
            yield self._environment.timeout(needed_s)
            return
        while needed_s > 0:
            with self._cores.request() as core:
                yield core
                turn_s = min(needed_s, _TURN_S)
                is_crowded = self._cores.count == self._cores.capacity
                yield self._environment.timeout(turn_s / (self._parameters.crowded_speed if is_crowded else 1.0))
                needed_s -= turn_s

    def _use(self, part: simpy.Resource | None, taken_s: Sequence[float], share: float) -> Process:
        if part is None:
            return
        with part.request() as place:
            yield place
            yield self._environment.timeout(share * self._chance.choice(taken_s))


def simulate(
    arrivals: Sequence[float],
    shape: Shape,
    parameters: Parameters,
    seed: int = 1,
    outage: tuple[float, float] | None = None,
) -> Outcome:
    """Simulate a service of this shape for photos that arrive at these times.

    outage: start and duration in seconds of a period in which no worker claims a job.
    """
    environment = simpy.Environment()
    service = Service(environment, shape, parameters, seed)
    environment.process(service.take(arrivals))
    if outage is not None:
        environment.process(service.stop_workers(*outage))
    environment.run()
    return service.outcome
