"""Model versions: list and read them."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.core.authentication import protect
from api.core.field_types import Time
from api.core.fields import LARGEST_NUMBER
from api.core.openapi import describe_errors
from api.core.responses import respond
from api.core.services import get_services
from db import tables
from db.model_versions import actions as model_versions
from db.model_versions.actions import UnknownModelVersion

blueprint = APIBlueprint("model_versions", __name__, url_prefix="/v1/model-versions", tag="Model versions")
protect(blueprint)


class ModelVersion(BaseModel):
    """A trained model. It never changes; `model_version` of a face refers to it."""

    number: int = Field(examples=[1])
    name: str = Field(examples=["default"])
    architecture: str = Field(examples=["default"])
    digest: str = Field(description="Hex SHA-256 of the manifest.", examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])
    is_champion: bool = Field(description="Whether it is the version in service.", examples=[True])
    is_challenger: bool = Field(description="Whether it classifies live faces in shadow mode.", examples=[False])
    created_at: Time
    manifest: dict[str, Any] = Field(
        description="The version's manifest: files, class order, metrics, lineage.",
        examples=[{"classes": ["angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"]}],
    )


class ModelVersionList(BaseModel):
    """All model versions, newest first."""

    items: list[ModelVersion]
    unused_release: int | None = Field(
        description="Number of a version that came with a release and has never been in service; null if there is none."
    )


@blueprint.get("")
@blueprint.output(ModelVersionList, description="All versions.")
@blueprint.doc(summary="List model versions", responses=describe_errors())
def list_model_versions() -> Response:
    """List all versions."""
    with get_services().database.read() as session:
        shown = list_version_schemas(session)
        unused = model_versions.find_unused_release(session)
    found = ModelVersionList(items=shown, unused_release=unused.number if unused else None)
    return respond(found)


@blueprint.get("/champion")
@blueprint.output(ModelVersion, description="The champion.")
@blueprint.doc(summary="Read the version in service", responses=describe_errors("unknown_model_version"))
def read_champion() -> Response:
    """Read the version in service."""
    with get_services().database.read() as session:
        champion = model_versions.get_champion(session)
        if champion is None:
            raise UnknownModelVersion("no model version is in service yet")
        return respond(model_version_to_schema(session, champion))


@blueprint.get("/<int:number>")
@blueprint.output(ModelVersion, description="The version.")
@blueprint.doc(summary="Read a model version", responses=describe_errors("unknown_model_version"))
def read_model_version(number: int) -> Response:
    """Read one version."""
    with get_services().database.read() as session:
        return respond(model_version_to_schema(session, find_model_version(session, number)))


def find_model_version(session: Session, number: int) -> tables.ModelVersion:
    """Return the version with a number from a client, however large. Raises UnknownModelVersion."""
    if number > LARGEST_NUMBER:
        raise UnknownModelVersion(f"there is no model version {number}")
    return model_versions.get_version(session, number)


def list_version_schemas(session: Session) -> list[ModelVersion]:
    """Return the schema of every version, newest first."""
    champion, challenger = model_versions.get_champion(session), model_versions.get_challenger(session)
    return [_show(version, champion, challenger) for version in model_versions.list_versions(session)]


def model_version_to_schema(session: Session, version: tables.ModelVersion) -> ModelVersion:
    """Convert a version to its API schema."""
    return _show(version, model_versions.get_champion(session), model_versions.get_challenger(session))


def _show(
    version: tables.ModelVersion, champion: tables.ModelVersion | None, challenger: tables.ModelVersion | None
) -> ModelVersion:
    return ModelVersion(
        number=version.number,
        name=version.name,
        architecture=version.architecture,
        digest=version.digest,
        is_champion=champion is not None and champion.id == version.id,
        is_challenger=challenger is not None and challenger.id == version.id,
        created_at=version.created_at,
        manifest=version.manifest,
    )
