"""A stored filter is read back unchanged, without further fields."""

from dataclasses import fields
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import ValidationError

from db.core.vocabulary import Emotion, JobStatus
from db.exports.documents import WantedJobs
from db.jobs.queries import JobFilter

WHOLE = JobFilter(
    application_id=uuid4(),
    status=JobStatus.FAILED,
    error_code="broken_picture",
    emotion=Emotion.SAD,
    batch_id=uuid4(),
    created_from=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    created_before=datetime(2026, 4, 1, tzinfo=UTC),
    text="team",
)


def test_every_field_of_a_filter_is_stored() -> None:
    assert set(WantedJobs.model_fields) == {field.name for field in fields(JobFilter)}
    assert None not in vars(WHOLE).values(), "set the new field above"


@pytest.mark.parametrize("wanted", [WHOLE, JobFilter()])
def test_a_stored_filter_is_the_same_again(wanted: JobFilter) -> None:
    stored = WantedJobs.of_filter(wanted).model_dump_json(exclude_none=True)
    assert WantedJobs.model_validate_json(stored).to_filter() == wanted


def test_a_filter_of_another_release_is_refused_rather_than_read_as_a_wider_one() -> None:
    with pytest.raises(ValidationError):
        WantedJobs.model_validate({"status": "failed", "colour": "red"})
