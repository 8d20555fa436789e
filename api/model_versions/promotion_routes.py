"""Promotions: list them, promote a version, roll back."""

from http import HTTPStatus

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.core.authentication import get_caller, needs_scope, protect
from api.core.field_types import Time
from api.core.fields import JsonBody, Number, Reason
from api.core.openapi import describe_errors, describe_response
from api.core.responses import respond
from api.core.services import get_services
from db import tables
from db.core.actors import ActorKind
from db.core.vocabulary import Scope
from db.model_versions import actions as model_versions

blueprint = APIBlueprint("promotions", __name__, url_prefix="/v1/promotions", tag="Model versions")
protect(blueprint)


_PROMOTION = {"$ref": "#/components/schemas/Promotion"}


class NewPromotion(JsonBody):
    """Which version to promote, and why."""

    model_version: Number = Field(description="Number of the version.", examples=[2])
    reason: Reason = Field(examples=["better on profile faces"])


class NewRollback(JsonBody):
    """Why to roll back. The version numbers guard against rolling back another version than intended."""

    reason: Reason = Field(examples=["confuses sad with neutral"])
    from_version: Number | None = Field(
        default=None, description="Roll back only if this version is in service.", examples=[2]
    )
    to_version: Number | None = Field(
        default=None, description="Roll back only if this version was in service before.", examples=[1]
    )


class Promotion(BaseModel):
    """One change of the version in service."""

    at: Time
    from_version: int | None = Field(description="The previous version; null for the first one.", examples=[1])
    to_version: int = Field(examples=[2])
    actor: str = Field(description="A user, an application, or a training run.", examples=["ana"])
    actor_kind: ActorKind | None = Field(
        description="Kind of the actor; null if it isn't known.",
        examples=["user"],
    )
    reason: str = Field(examples=["better on profile faces"])


class PromotionList(BaseModel):
    """All promotions, newest first."""

    items: list[Promotion]


@blueprint.get("")
@blueprint.output(PromotionList, description="All changes.")
@blueprint.doc(summary="List the changes of the version in service", responses=describe_errors())
def list_promotions() -> Response:
    """List the history of the champion."""
    with get_services().database.read() as session:
        shown = list_promotion_schemas(session)
    return respond(PromotionList(items=shown))


def list_promotion_schemas(session: Session) -> list[Promotion]:
    """Return the schema of every promotion, newest first."""
    numbers = {version.id: version.number for version in model_versions.list_versions(session)}
    return [
        Promotion(
            at=move.at,
            from_version=numbers[move.from_version_id] if move.from_version_id else None,
            to_version=numbers[move.to_version_id],
            actor=move.actor,
            actor_kind=move.known_actor_kind,
            reason=move.reason,
        )
        for move in model_versions.list_promotions(session)
    ]


@blueprint.post("")
@needs_scope(Scope.ADMIN)
@blueprint.input(NewPromotion, location="json", arg_name="wanted")
@blueprint.output(Promotion, status_code=HTTPStatus.CREATED, description="The version is in service.")
@blueprint.doc(
    summary="Put a version in service",
    description="Workers load it between jobs, within seconds. Needs the scope `admin`. Answers 200 if it was in service already.",
    responses={
        **describe_response(HTTPStatus.OK, "It was in service already.", {"application/json": _PROMOTION}),
        **describe_errors("scope_missing", "unknown_model_version", "invalid_request"),
    },
)
def promote(wanted: NewPromotion) -> Response:
    """Promote a version."""
    with get_services().database.write() as session:
        version = model_versions.get_version(session, wanted.model_version)
        move = model_versions.promote(session, version, get_caller().actor, wanted.reason)
        latest = move or model_versions.list_promotions(session)[0]
        before = _find_before(session, latest)
    return _answer(latest, before, version, HTTPStatus.OK if move is None else HTTPStatus.CREATED)


@blueprint.post("/rollback")
@needs_scope(Scope.ADMIN)
@blueprint.input(NewRollback, location="json", arg_name="wanted")
@blueprint.output(Promotion, status_code=HTTPStatus.CREATED, description="The previous version is in service again.")
@blueprint.doc(
    summary="Roll back to the previous version",
    description="A second rollback returns to the version before the first; `from_version` guards against rolling back twice by "
    "mistake. Needs the scope `admin`.",
    responses=describe_errors("scope_missing", "nothing_to_roll_back", "champion_changed", "invalid_request"),
)
def roll_back(wanted: NewRollback) -> Response:
    """Make the previous champion the champion again."""
    with get_services().database.write() as session:
        version, move = model_versions.roll_back(
            session,
            get_caller().actor,
            wanted.reason,
            champion=wanted.from_version,
            target=wanted.to_version,
        )
        before = _find_before(session, move)
    return _answer(move, before, version, HTTPStatus.CREATED)


def _find_before(session: Session, move: tables.Promotion) -> tables.ModelVersion | None:
    return session.get(tables.ModelVersion, move.from_version_id) if move.from_version_id else None


def _answer(
    move: tables.Promotion, before: tables.ModelVersion | None, after: tables.ModelVersion, status: HTTPStatus
) -> Response:
    shown = Promotion(
        at=move.at,
        from_version=before.number if before else None,
        to_version=after.number,
        actor=move.actor,
        actor_kind=move.known_actor_kind,
        reason=move.reason,
    )
    return respond(shown, status)
