"""Variables of every template: the signed-in user, the menu, messages, and explanations of metrics and keys."""

from typing import Any

from flask import request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.core.sessions import Person, find_person
from api.reviews.choice_keys import CHOICE_KEYS
from api.web.forms import find_refused
from api.web.metric_words import METRICS
from api.web.site import describe_done
from db.core.vocabulary import EMOTIONS, Role

MENU = (
    ("dashboard", "Dashboard", Role.VIEWER),
    ("jobs", "Jobs", Role.VIEWER),
    ("review", "Review", Role.REVIEWER),
    ("models", "Models", Role.VIEWER),
    ("training", "Training", Role.VIEWER),
    ("drift", "Drift", Role.VIEWER),
    ("try_it", "Try it", Role.REVIEWER),
    ("access", "Access", Role.ADMINISTRATOR),
    ("webhooks", "Webhooks", Role.ADMINISTRATOR),
    ("audit", "Audit log", Role.ADMINISTRATOR),
)
"""Sections of the site: blueprint, name, and the role that may see it."""


def find_known_person() -> Person | None:
    """Return the signed-in user, or None also if the database is unavailable, so that public pages are still shown."""
    try:
        return find_person()
    except (OperationalError, PoolTimeout):
        return None


def make_context() -> dict[str, Any]:
    """Return the template variables. `is_public` marks a public page; such pages show no messages."""
    person, is_public = find_known_person(), not (request.blueprint or "").startswith("pages")
    menu = [entry for entry in MENU if person is not None and person.role.covers(entry[2])]
    return {
        "person": person,
        "menu": menu,
        "is_public": is_public,
        "done": None if is_public else describe_done(),
        "refused": None if is_public else find_refused(),
        "emotions": EMOTIONS,
        "roles": tuple(Role),
        "metrics": METRICS,
        "vote_keys": CHOICE_KEYS,
    }
