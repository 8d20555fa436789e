"""What people and applications may do with a job that is there: withdraw it, try it again. The API and the pages do it here."""

from uuid import UUID

from sqlalchemy.orm import Session

from api.core.authentication import Caller
from api.core.services import Services
from api.jobs.resubmission import resubmit_photo
from db import tables
from db.accounts.audit_log import record_audit_event
from db.jobs import lifecycle as jobs


def withdraw_job(services: Services, caller: Caller, job: tables.Job) -> None:
    """Cancel a job that the caller may see. Raises InvalidTransition if it has ended."""
    with services.database.write() as session:
        jobs.cancel_job(session, job.id, actor=caller.name, detail=f"canceled by {caller.name}")
        _record(session, caller, job, "job.cancel")
    services.waiter.announce(job.id)


def retry_job(services: Services, caller: Caller, job: tables.Job) -> UUID:
    """Submit the photo of a job that the caller may see again. Returns the new job's id. Raises as resubmit_photo does."""
    new_id = resubmit_photo(services, job, caller.name)
    with services.database.write() as session:
        _record(session, caller, job, "job.retry", new_job=str(new_id))
    return new_id


def _record(session: Session, caller: Caller, job: tables.Job, action: str, **details: str) -> None:
    """Log it, unless an application did it to a job of its own, which is its daily work: the job's events tell of that."""
    if caller.is_person or job.application_id != caller.application_id:
        record_audit_event(session, caller.actor, action, f"job:{job.id}", **details)
