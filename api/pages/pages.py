"""All pages for people, put together under one blueprint."""

from typing import Any

from flask import Blueprint

from api.pages import (
    access,
    account,
    audit,
    dashboard,
    drift,
    jobs,
    models,
    pictures,
    review,
    sign_in,
    training,
    try_it,
)
from api.pages.site import describe_done, guard_page, keep_private, register_page_errors
from api.pages.words import register_words
from api.sessions import find_person
from db.vocabulary import EMOTIONS, Role

_MENU = (
    ("dashboard", "Dashboard", Role.VIEWER),
    ("jobs", "Jobs", Role.VIEWER),
    ("review", "Review", Role.REVIEWER),
    ("models", "Models", Role.VIEWER),
    ("training", "Training", Role.VIEWER),
    ("drift", "Drift", Role.VIEWER),
    ("try_it", "Try it", Role.REVIEWER),
    ("access", "Access", Role.ADMINISTRATOR),
    ("audit", "Audit log", Role.ADMINISTRATOR),
)
"""The parts of the site: blueprint, name, and the role that may see it."""


def make_pages() -> Blueprint:
    """The blueprint of all pages."""
    pages = Blueprint("pages", __name__)
    for part in (sign_in, dashboard, jobs, pictures, review, models, training, drift, try_it, access, audit, account):
        pages.register_blueprint(part.blueprint)
    pages.before_request(guard_page)
    pages.after_request(keep_private)
    pages.context_processor(_give_context)
    register_page_errors(pages)
    register_words(pages)
    return pages


def _give_context() -> dict[str, Any]:
    person = find_person()
    menu = [entry for entry in _MENU if person is not None and person.role.covers(entry[2])]
    return {"person": person, "menu": menu, "done": describe_done(), "emotions": EMOTIONS, "roles": tuple(Role)}
