"""The application factory."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix

from api.accounts import audit_log_routes, key_routes, own_account_routes, user_routes
from api.core.access_log import register_access_log
from api.core.checked_request import register_request_checks
from api.core.cors import register_cors
from api.core.downloads import register_downloads
from api.core.errors import register_errors
from api.core.openapi import hide_pages, register_openapi
from api.core.security import register_security
from api.core.services import Services, open_services
from api.core.tracing import register_tracing
from api.exports import routes as export_routes
from api.jobs import batch_routes, event_routes, retry_routes
from api.jobs import routes as jobs
from api.model_versions import file_routes, promotion_routes, shadow_routes
from api.model_versions import routes as model_versions
from api.monitoring import dashboard_routes, drift_routes, health_routes, metrics_routes
from api.photos import routes as pictures
from api.reviews import list_routes as review_lists
from api.reviews import routes as reviews
from api.training_runs import routes as training_runs
from api.web import docs_pages
from api.web.blueprint import make_pages
from api.web.indentation import WithoutIndentation
from api.web.static_files import register_static_files
from api.webhooks import delivery_routes
from api.webhooks import routes as webhooks
from emoscope.settings import Settings

_MOST_BODY_BYTES = 1_000_000
"""Limit for routes without one of their own; photo routes set theirs. The body is held in memory twice: raw and parsed."""

_DESCRIPTION = (
    "Finds the faces in a photo and says which of seven emotions each face *appears to express*. "
    "This is an interpretation of a picture, never of what a person feels."
)


def _take_as_is(function: Callable[..., Any]) -> Callable[..., Any]:
    """In place of Flask's look at whether a function is asynchronous, twenty times a request: none of ours is."""
    return function


def create_app(settings: Settings, services: Services | None = None) -> APIFlask:
    """Create the WSGI application.

    services: connections to use instead of opening those of the settings. Raises BlobStoreUnavailable if the photo folder can't be
    created; database and queue are connected at first use.
    """
    app = APIFlask("api", title="Emoscope", version=version("emoscope"), docs_path=None, static_folder=None)  # type: ignore[arg-type]
    app.ensure_sync = _take_as_is  # type: ignore[assignment, method-assign]
    app.config.update(
        DESCRIPTION=_DESCRIPTION,
        MAX_CONTENT_LENGTH=_MOST_BODY_BYTES,
        # each route declares its own responses
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_SERVERS=False,
        OPENAPI_VERSION="3.1.0",
    )
    # keep the declared order of fields
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.add_extension(WithoutIndentation)
    (services or open_services(settings)).install(app.extensions)
    metrics_routes.register_metrics(app)
    register_cors(app, settings.cors_origins)
    register_security(app)
    register_tracing(app)
    register_access_log(app, is_on=settings.access_log)
    register_request_checks(app)
    register_errors(app)
    register_openapi(app)
    for part in (
        jobs,
        event_routes,
        retry_routes,
        batch_routes,
        export_routes,
        pictures,
        model_versions,
        file_routes,
        shadow_routes,
        promotion_routes,
        training_runs,
        reviews,
        review_lists,
        drift_routes,
        dashboard_routes,
        own_account_routes,
        user_routes,
        key_routes,
        webhooks,
        delivery_routes,
        audit_log_routes,
        health_routes,
        metrics_routes,
    ):
        app.register_blueprint(part.blueprint)
    register_downloads(app)
    app.register_blueprint(docs_pages.blueprint)
    register_static_files(app)
    app.register_blueprint(make_pages())
    hide_pages(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)  # type: ignore[method-assign]
    return app
