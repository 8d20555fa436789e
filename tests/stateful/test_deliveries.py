"""Deliveries of events under random sequences of all that may happen to them, on both databases.

Receivers take events, refuse them or are gone; workers fall silent with a delivery in hand and come back late; people pause,
resume and delete endpoints, replay, and erase jobs. Each end of a job is one event with one id, told until it is taken or
given up.
"""

from collections import Counter, defaultdict
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from db.accounts import api_keys
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import DeliveryState, EndpointState
from db.jobs import lifecycle
from db.jobs.erasure import erase_job
from db.webhooks.deliveries import (
    AttemptResult,
    Claimed,
    claim_delivery,
    get_delivery,
    list_due,
    record_attempt,
    replay_delivery,
    replay_failed,
)
from db.webhooks.endpoints import delete_endpoint, get_endpoint, pause_endpoint, resume_endpoint
from db.webhooks.errors import EndpointNotActive
from db.webhooks.tables import WebhookDelivery, WebhookEndpoint, WebhookEvent
from tests.stateful.machines import TIMEOUT_S, let_pass, refused_unless, run_machine
from tests.support.databases import empty_tables
from tests.support.factories.actors import ANA
from tests.support.factories.jobs import make_new_job

LEASE_S = 3600
MAX_ATTEMPTS = 3
PAUSE_AFTER_S = 10**9
TAKEN = AttemptResult(duration_ms=1, status_code=204)
RESULTS = {
    "taken": TAKEN,
    "refused": AttemptResult(duration_ms=1, status_code=503),
    "gone": AttemptResult(duration_ms=1, status_code=410, is_gone=True),
    "unreachable": AttemptResult(duration_ms=1, error="refused"),
    "not public": AttemptResult(duration_ms=1, error="a private address", is_final=True),
}
_END_ROUNDS = 4

Pair = tuple[UUID, UUID]
"""An event and an endpoint."""


class DeliveryMachine(RuleBasedStateMachine):
    """The rules are what receivers, workers, the sweeper and people may do at any moment."""

    endpoints = Bundle("endpoints")
    jobs = Bundle("jobs")
    claims = Bundle("claims")

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        empty_tables(database)
        with database.write() as session:
            self.application_id = api_keys.ensure_application(session, "test").id
        self.states: dict[UUID, EndpointState] = {}
        self.open_jobs: dict[UUID, bool] = {}
        """Not ended: whether they have a callback."""
        self.told: dict[UUID, int] = {}
        """Ended jobs: how many endpoints are told."""
        self.given_up: set[Pair] = set()
        """Pairs whose receiver said that no further attempt may help, or that had the last attempt."""
        self.decided: dict[UUID, DeliveryState] = {}
        """What came of the attempts: the first answer counts."""

    @initialize(target=jobs)
    def begin(self) -> Any:
        """Sequences that begin with something to tell get further."""
        jobs = [self.submit(has_callback=True) for _ in range(2)]
        for job_id in jobs:
            self.end_job(job_id)
        return multiple(*jobs)

    @rule(target=endpoints, wants=st.booleans())
    def create_endpoint(self, *, wants: bool) -> UUID:
        events = ["job.canceled"] if wants else ["job.succeeded"]
        with self.database.write() as session:
            made = WebhookEndpoint(application_id=self.application_id, url="https://example.com", events=events)
            session.add(made)
            session.flush()
            self.states[made.id] = EndpointState.ACTIVE
            return made.id

    @rule(target=jobs, has_callback=st.booleans())
    def submit(self, *, has_callback: bool) -> UUID:
        callback_url = "https://example.com/done" if has_callback else None
        new = make_new_job(self.application_id, id=uuid7(), photo_sha256=uuid4().hex * 2, callback_url=callback_url)
        with self.database.write() as session:
            lifecycle.create_job(session, new, ANA)
        self.open_jobs[new.id] = has_callback
        return new.id

    @rule(job_id=jobs)
    def end_job(self, job_id: UUID) -> None:
        if job_id not in self.open_jobs:
            return
        with self.database.write() as session:
            lifecycle.cancel_job(session, job_id, ANA)
            wanted = select(WebhookEndpoint.id, WebhookEndpoint.events).where(WebhookEndpoint.job_id.is_(None))
            listening = sum("job.canceled" in events for _, events in session.execute(wanted))
        self.told[job_id] = listening + int(self.open_jobs.pop(job_id))

    @rule(job_id=consumes(jobs))
    def erase(self, job_id: UUID) -> None:
        with self.database.write() as session:
            erase_job(session, job_id)
        self.open_jobs.pop(job_id, None)
        self.told.pop(job_id, None)

    @rule(endpoint_id=endpoints)
    def pause(self, endpoint_id: UUID) -> None:
        with self.database.write() as session:
            pause_endpoint(session, get_endpoint(session, endpoint_id, None), ANA)
        self.states[endpoint_id] = EndpointState.PAUSED

    @rule(endpoint_id=endpoints)
    def resume(self, endpoint_id: UUID) -> None:
        with self.database.write() as session:
            resume_endpoint(session, get_endpoint(session, endpoint_id, None), ANA)
        self.states[endpoint_id] = EndpointState.ACTIVE

    @rule(endpoint_id=consumes(endpoints))
    def delete(self, endpoint_id: UUID) -> None:
        with self.database.write() as session:
            wanted = select(WebhookEvent.job_id).join(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
            jobs = {job_id for job_id in session.scalars(wanted) if job_id is not None}
            delete_endpoint(session, get_endpoint(session, endpoint_id, None), ANA)
        del self.states[endpoint_id]
        for job_id in jobs:
            self.told[job_id] -= 1

    @rule()
    def let_time_pass(self) -> None:
        """Leases run out, and pauses between attempts end."""
        let_pass(self.database, WebhookDelivery.due_at)

    @rule(target=claims, place=st.integers(0, 20), lease_s=st.sampled_from((LEASE_S, -1)))
    def take(self, place: int, lease_s: float) -> Any:
        """A worker takes one that is due. lease_s: one that has run out stands for a worker that falls silent at once."""
        with self.database.read() as session:
            due = list_due(session, 100)
        if not due:
            return multiple()
        with self.database.write() as session:
            claimed = claim_delivery(session, due[place % len(due)], lease_s)
        assert claimed is not None
        if lease_s > 0:
            with self.database.write() as session:
                assert claim_delivery(session, claimed.id, LEASE_S) is None, "one worker at a time"
        return claimed

    @rule(claimed=claims, result=st.sampled_from(sorted(RESULTS)))
    def answer(self, claimed: Claimed, result: str) -> None:
        """An attempt ends, maybe long after its lease, or after another worker's."""
        with self.database.write() as session:
            before = session.get(WebhookDelivery, claimed.id)
            is_open = before is not None and before.state is DeliveryState.PENDING
            endpoint_id = before.endpoint_id if before is not None else None
            is_own = before is not None and before.endpoint.job_id is not None
        with self.database.write() as session:
            record_attempt(session, claimed.id, RESULTS[result], max_attempts=MAX_ATTEMPTS, pause_after_s=PAUSE_AFTER_S)
        if is_open:
            self.decided[claimed.id] = DeliveryState.SUCCEEDED if result == "taken" else DeliveryState.FAILED
        if not is_open or endpoint_id is None or result == "taken":
            return
        if claimed.attempt >= MAX_ATTEMPTS or result in {"gone", "not public"}:
            self.given_up.add((claimed.event_id, endpoint_id))
        if result == "gone" and not is_own and self.states[endpoint_id] is EndpointState.ACTIVE:
            self.states[endpoint_id] = EndpointState.FAILING

    @rule(claimed=claims)
    def answer_twice(self, claimed: Claimed) -> None:
        """Two workers that each think it theirs."""
        self.answer(claimed, "taken")
        self.answer(claimed, "refused")

    @rule(claimed=claims)
    def replay(self, claimed: Claimed) -> None:
        with self.database.write() as session:
            delivery = session.get(WebhookDelivery, claimed.id)
            if delivery is None:
                return
            is_active = delivery.endpoint.state is EndpointState.ACTIVE
            with refused_unless(is_active, EndpointNotActive):
                replay_delivery(session, get_delivery(session, claimed.id, None), ANA)

    @rule(endpoint_id=endpoints)
    def replay_all_failed(self, endpoint_id: UUID) -> None:
        with refused_unless(self.states[endpoint_id] is EndpointState.ACTIVE, EndpointNotActive):
            with self.database.write() as session:
                before = self.list_untaken(endpoint_id)
                count = replay_failed(
                    session, get_endpoint(session, endpoint_id, None), utcnow().replace(year=2000), ANA
                )
            assert count == len(before)

    def list_untaken(self, endpoint_id: UUID) -> set[UUID]:
        """Events that the endpoint never took, and that wait for no attempt."""
        with self.database.read() as session:
            rows = session.execute(
                select(WebhookDelivery.event_id, WebhookDelivery.state).where(
                    WebhookDelivery.endpoint_id == endpoint_id
                )
            ).all()
        states: defaultdict[UUID, set[DeliveryState]] = defaultdict(set)
        for event_id, state in rows:
            states[event_id].add(state)
        return {event_id for event_id, found in states.items() if found == {DeliveryState.FAILED}}

    @invariant()
    def every_end_of_a_job_is_one_event_that_is_told_until_it_is_taken_or_given_up(self) -> None:
        with self.database.read() as session:
            events = {event.id: event for event in session.scalars(select(WebhookEvent))}
            deliveries = session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)).all()
            states = dict(
                session.execute(
                    select(WebhookEndpoint.id, WebhookEndpoint.state).where(WebhookEndpoint.job_id.is_(None))
                ).all()
            )
        assert states == self.states
        found = {delivery.id: delivery.state for delivery in deliveries if delivery.state is not DeliveryState.PENDING}
        assert found == {key: state for key, state in self.decided.items() if key in found}
        by_job = Counter(event.job_id for event in events.values())
        assert all(count == 1 for count in by_job.values())
        assert {job_id for job_id, endpoints in self.told.items() if endpoints} <= by_job.keys() <= self.told.keys()
        chains: defaultdict[Pair, list[WebhookDelivery]] = defaultdict(list)
        for delivery in deliveries:
            chains[delivery.event_id, delivery.endpoint_id].append(delivery)
        for job_id, count in Counter(events[event_id].job_id for event_id, _ in chains).items():
            assert job_id is not None
            assert count == self.told[job_id]
        for pair, chain in chains.items():
            first = [delivery for delivery in chain if not delivery.is_replay]
            assert [delivery.attempt for delivery in first] == list(range(1, len(first) + 1))
            assert len(first) <= MAX_ATTEMPTS
            assert sum(delivery.state is DeliveryState.PENDING for delivery in first) <= 1
            assert all(delivery.state is DeliveryState.FAILED for delivery in first[:-1])
            if first[-1].state is DeliveryState.FAILED:
                assert pair in self.given_up

    def teardown(self) -> None:
        """Once all endpoints take what comes, everything is delivered; and nothing of an erased job stays."""
        for endpoint_id in self.states:
            self.resume(endpoint_id)
        for _ in range(_END_ROUNDS):
            self.let_time_pass()
            claimed = self.take(0, LEASE_S)
            while isinstance(claimed, Claimed):
                self.answer(claimed, "taken")
                claimed = self.take(0, LEASE_S)
        with self.database.read() as session:
            waiting = select(func.count()).where(WebhookDelivery.state == DeliveryState.PENDING)
            assert session.scalar(waiting) == 0
        self.every_end_of_a_job_is_one_event_that_is_told_until_it_is_taken_or_given_up()
        for job_id in [*self.open_jobs, *self.told]:
            self.erase(job_id)
        with self.database.read() as session:
            for table in (WebhookEvent, WebhookDelivery):
                assert session.scalar(select(func.count()).select_from(table)) == 0
            assert session.scalar(select(func.count()).where(WebhookEndpoint.job_id.is_not(None))) == 0


@pytest.mark.timeout(TIMEOUT_S)
def test_events_are_told_until_they_are_taken_whatever_happens(database: Database) -> None:
    run_machine(lambda: DeliveryMachine(database))
