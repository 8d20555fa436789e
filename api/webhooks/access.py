"""Who may manage webhooks: an application its own, and administrators all of them."""

from apiflask import APIBlueprint

from api.core.authentication import READS_JOBS, get_caller, protect, require_scope
from db.core.vocabulary import Scope


def protect_webhooks(blueprint: APIBlueprint) -> None:
    """Let in keys that read jobs, and people who are administrators: others would see every application's addresses."""
    protect(blueprint, *READS_JOBS)

    @blueprint.before_request
    def require_administrator() -> None:
        if get_caller().is_person:
            require_scope(Scope.ADMIN)
