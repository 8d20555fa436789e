"""All pages for people, put together under one blueprint."""

from typing import Any

from flask import Blueprint

from api.accounts import access_pages, audit_log_pages, notice_pages, own_account_pages, sign_in_pages
from api.core.sessions import find_person
from api.jobs import chosen_pages, try_it_pages
from api.jobs import pages as jobs
from api.model_versions import pages as models
from api.monitoring import dashboard_pages, drift_pages
from api.photos import pages as pictures
from api.reviews import pages as review
from api.reviews.choice_keys import CHOICE_KEYS
from api.training_runs import pages as training
from api.web.formatting import register_words
from api.web.forms import find_refused
from api.web.metric_words import METRICS
from api.web.site import describe_done, guard_page, keep_private, register_page_errors
from api.webhooks import pages as webhook_pages
from db.core.vocabulary import EMOTIONS, Role

_MENU = (
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
"""The parts of the site: blueprint, name, and the role that may see it."""


def make_pages() -> Blueprint:
    """The blueprint of all pages."""
    pages = Blueprint("pages", __name__)
    for part in (
        sign_in_pages,
        dashboard_pages,
        jobs,
        chosen_pages,
        pictures,
        review,
        models,
        training,
        drift_pages,
        try_it_pages,
        access_pages,
        webhook_pages,
        audit_log_pages,
        own_account_pages,
        notice_pages,
    ):
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
    return {
        "person": person,
        "menu": menu,
        "done": describe_done(),
        "refused": find_refused(),
        "emotions": EMOTIONS,
        "roles": tuple(Role),
        "metrics": METRICS,
        "vote_keys": CHOICE_KEYS,
    }
