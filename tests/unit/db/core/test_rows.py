"""Objects of mapped classes without a session."""

from uuid import uuid4

import pytest
from sqlalchemy.orm.exc import DetachedInstanceError

from db.accounts.tables import Application
from db.core.rows import list_columns, make_object, relate
from db.faces.tables import Face
from db.jobs.tables import Job


def test_an_object_has_what_was_put_in_and_says_so_of_the_rest() -> None:
    application = make_object(Application, {"id": uuid4(), "name": "shop"})
    job = relate(make_object(Job, {"id": uuid4(), "attempt": 2}), application=application)
    assert (job.attempt, job.application.name) == (2, "shop")
    with pytest.raises(DetachedInstanceError):
        _ = job.events


def test_columns_are_all_but_those_left_out() -> None:
    assert {column.key for column in Face.__table__.columns} - {
        column.key for column in list_columns(Face, "crop")
    } == {"crop"}
