"""API keys: list, make, revoke. Every call needs the scope `admin`."""

from http import HTTPStatus
from typing import Annotated

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import AfterValidator, BaseModel, Field

from api.core.authentication import get_caller, protect
from api.core.errors import Problem
from api.core.fields import JsonBody
from api.core.openapi import describe_errors
from api.core.services import get_services
from api.jobs.schemas import Time
from db import tables
from db.accounts import api_keys
from db.core.vocabulary import Scope

blueprint = APIBlueprint("keys", __name__, url_prefix="/v1/keys", tag="Access")
protect(blueprint, Scope.ADMIN)


class NewKey(JsonBody):
    """A key to make."""

    application: Annotated[str, AfterValidator(api_keys.clean_name)] = Field(
        min_length=1,
        description="Whose; made if there is none of that name. One line of at most 100 characters, and not `all`.",
        examples=["shop"],
    )
    scopes: list[Scope] = Field(default=[Scope.SUBMIT], min_length=1, description="What the key may do.")


class Key(BaseModel):
    """A key, by its first characters: the rest can't be read again."""

    prefix: str = Field(examples=["emo_4fWk0s9Q"])
    application: str = Field(examples=["shop"])
    scopes: list[Scope] = Field(examples=[["submit"]])
    created_at: Time
    last_used_at: Time | None = Field(description="To the minute.")
    revoked_at: Time | None


class KeyMade(BaseModel):
    """A new key, shown this once: only its hash is stored."""

    key: str = Field(examples=["emo_4fWk0s9Qd1..."])


class KeyList(BaseModel):
    """All keys, oldest first."""

    items: list[Key]


@blueprint.get("")
@blueprint.output(KeyList, description="All of them, also those revoked.")
@blueprint.doc(summary="List API keys", responses=describe_errors("scope_missing"))
def list_keys() -> Response:
    """Read all keys."""
    with get_services().database.read() as session:
        shown = [_show(key) for key in api_keys.list_keys(session)]
    return jsonify(KeyList(items=shown).model_dump(mode="json"))


@blueprint.post("")
@blueprint.input(NewKey, location="json", arg_name="new")
@blueprint.output(KeyMade, status_code=HTTPStatus.CREATED, description="The key, this once.")
@blueprint.doc(summary="Make an API key", responses=describe_errors("scope_missing", "invalid_request"))
def create_key(new: NewKey) -> Response:
    """Make a key."""
    with get_services().database.write() as session:
        application = api_keys.ensure_application(session, new.application)
        key = api_keys.create_key(session, application, new.scopes, get_caller().actor)
    response = jsonify(KeyMade(key=key).model_dump())
    response.status_code = HTTPStatus.CREATED
    return response


@blueprint.delete("/<prefix>")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="Requests with the key are refused from now on.")
@blueprint.doc(summary="Revoke an API key", responses=describe_errors("scope_missing", "not_found", "invalid_request"))
def revoke_key(prefix: str) -> tuple[str, HTTPStatus]:
    """End a key, by its first characters."""
    try:
        with get_services().database.write() as session:
            was_valid = api_keys.revoke_key(session, prefix, get_caller().actor)
    except ValueError as error:
        raise Problem("invalid_request", str(error)) from error
    if not was_valid:
        raise Problem("not_found", "there is no valid key that starts like this")
    return "", HTTPStatus.NO_CONTENT


def _show(key: tables.ApiKey) -> Key:
    return Key(
        prefix=key.prefix,
        application=key.application.name,
        scopes=[scope for scope in Scope if scope in key.scopes],
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )
