"""Who may manage webhooks: applications their own, administrators all."""

from apiflask import APIBlueprint
from flask import request

from api.core.authentication import READS_JOBS, get_caller, protect, require_scope
from api.core.errors import Problem
from api.core.sessions import SAFE_METHODS
from db.core.vocabulary import Scope


def protect_webhooks(blueprint: APIBlueprint) -> None:
    """Require a key that may read jobs, or an administrator: other users would see the URLs of every application."""
    protect(blueprint, *READS_JOBS)

    @blueprint.before_request
    def require_administrator() -> None:
        if get_caller().is_user:
            require_scope(Scope.ADMIN)
        if get_caller().is_test and request.method not in SAFE_METHODS:
            raise Problem(
                "scope_missing",
                "test keys have no webhooks: call `POST /v1/webhooks/{id}/test` with a real key to send a test event",
            )
