"""The blueprint of all pages."""

from flask import Blueprint

from api.accounts import access_pages, audit_log_pages, notice_pages, own_account_pages, sign_in_pages
from api.jobs import chosen_pages, try_it_pages
from api.jobs import pages as jobs
from api.model_versions import pages as models
from api.monitoring import dashboard_pages, drift_pages
from api.photos import pages as pictures
from api.reviews import pages as review
from api.training_runs import pages as training
from api.web.context import make_context
from api.web.formatting import register_words
from api.web.site import guard_page, keep_private, register_page_errors
from api.webhooks import pages as webhook_pages


def make_pages() -> Blueprint:
    """Create the blueprint of all pages."""
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
    pages.app_context_processor(make_context)
    register_page_errors(pages)
    register_words(pages)
    return pages
