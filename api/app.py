"""The application: every part of the API, put together."""

from importlib.metadata import version

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix

from api import (
    account,
    batches,
    challenger,
    changes,
    dashboard,
    docs,
    drift,
    health,
    job_events,
    job_retry,
    jobs,
    keys,
    metrics,
    model_files,
    model_versions,
    people,
    pictures,
    promotions,
    reviews,
    training_runs,
)
from api.checked_request import register_request_checks
from api.errors import register_errors
from api.openapi import hide_pages, register_openapi
from api.pages.pages import make_pages
from api.security import register_security
from api.services import Services, open_services
from emoscope.settings import Settings

_MOST_BODY_BYTES = 1_000_000
"""Of a request whose route sets no limit of its own, as those for photos do. It is held in memory, as text and as what it says."""

_DESCRIPTION = (
    "Finds the faces in a photo and says which of seven emotions each face *appears to express*. "
    "That is a reading of a picture, never of what a person feels."
)


def create_app(settings: Settings, services: Services | None = None) -> APIFlask:
    """Make the WSGI application.

    services: connections to use instead of opening those that the settings name. Raises BlobStoreUnavailable if the folder of
    the photos can't be made; database and queue are reached at first use.
    """
    app = APIFlask("api", title="Emoscope", version=version("emoscope"), docs_path=None)
    app.config.update(
        DESCRIPTION=_DESCRIPTION,
        MAX_CONTENT_LENGTH=_MOST_BODY_BYTES,
        # what a route may answer is written beside it
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_SERVERS=False,
        AUTO_OPERATION_ID=True,
    )
    # the fields of a job are best read in the order in which they are declared
    app.json.sort_keys = False  # type: ignore[attr-defined]
    (services or open_services(settings)).install(app.extensions)
    metrics.register_metrics(app)
    register_security(app)
    register_request_checks(app)
    register_errors(app)
    register_openapi(app)
    for part in (
        jobs,
        job_events,
        job_retry,
        batches,
        pictures,
        model_versions,
        model_files,
        challenger,
        promotions,
        training_runs,
        reviews,
        drift,
        dashboard,
        account,
        people,
        keys,
        changes,
        health,
        metrics,
    ):
        app.register_blueprint(part.blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(make_pages())
    hide_pages(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)  # type: ignore[method-assign]
    return app
