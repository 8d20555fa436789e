"""API keys: list, create, change, rotate and revoke them, and read their usage. Every call needs the scope `admin`."""

from datetime import date
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response
from pydantic import AfterValidator, BaseModel, Field

from api.core.authentication import get_caller, protect
from api.core.field_types import Time
from api.core.fields import LARGEST_NUMBER, Day, JsonBody, Moment, TextFields
from api.core.openapi import describe_errors
from api.core.paging import read_page
from api.core.responses import respond
from api.core.services import get_services
from api.jobs.options import Unset
from db import tables
from db.accounts import api_keys
from db.accounts.signing_secrets import LONGEST_OVERLAP_S
from db.accounts.usage import UsageFilter, list_usage
from db.core.vocabulary import Purpose, Scope
from emoscope.settings import read_rate

blueprint = APIBlueprint("keys", __name__, url_prefix="/v1/keys", tag="Access")
protect(blueprint, Scope.ADMIN)

_Description = Annotated[
    str, Field(max_length=200, description="A description for people.", examples=["the kiosk in the hall"])
]
_Expiry = Annotated[
    Moment,
    Field(
        description="Expiry date. Default: none.",
        examples=["2027-03-01T00:00:00Z"],
        json_schema_extra={"format": "date-time"},
    ),
]
_Rate = Annotated[
    str,
    Field(
        min_length=1,
        description="Rate limit of the key, instead of `EMOSCOPE_RATE_LIMIT`.",
        examples=["60/minute"],
    ),
    AfterValidator(read_rate),
]
_Quota = Annotated[
    int, Field(ge=0, le=LARGEST_NUMBER, description="Number of photos per day (UTC).", examples=[10_000])
]


def read_place(cursor: str) -> tuple[date, UUID]:
    """Parse a usage cursor into day and key. Raises ValueError."""
    day, _, key_id = cursor.partition("_")
    return date.fromisoformat(day), UUID(key_id)


_UsageCursor = Annotated[str, AfterValidator(lambda cursor: read_place(cursor) and cursor)]


class KeyTermsBody(JsonBody):
    """A key's name and limits. A missing field sets no limit."""

    description: _Description | Unset = None
    expires_at: _Expiry | Unset = None
    rate_limit: _Rate | Unset = None
    daily_quota: _Quota | Unset = None

    def to_terms(self) -> api_keys.KeyTerms:
        """Convert to the database's terms."""
        return api_keys.KeyTerms(
            description=self.description,
            expires_at=self.expires_at,
            rate_limit=self.rate_limit,
            daily_quota=self.daily_quota,
        )


class NewKey(KeyTermsBody):
    """A key to create."""

    application: Annotated[str, AfterValidator(api_keys.clean_name)] = Field(
        min_length=1,
        description="Name of the application; it is created if it doesn't exist. One line of at most 100 characters, not `all`.",
        examples=["shop"],
    )
    scopes: list[Scope] = Field(default=[Scope.SUBMIT], min_length=1, description="Scopes of the key.")
    is_test: bool = Field(
        default=False,
        description="A test key, which begins with `emo_test_`. Its requests are answered at once, without a worker, as the header "
        "`Emoscope-Test` asks. Test data is kept apart from real data.",
    )
    purpose: Purpose | Unset = Field(
        default=None,
        description="What the application is used for. `workplace` and `education` are refused: the law forbids them.",
        examples=["media"],
    )


class KeyRotation(JsonBody):
    """How to replace a key."""

    overlap_s: float = Field(
        default=24 * 3600,
        ge=0,
        le=LONGEST_OVERLAP_S,
        description="Seconds for which the previous key stays valid.",
    )


class Key(BaseModel):
    """A key, named by its first characters. The rest isn't stored."""

    prefix: str = Field(examples=["emo_4fWk0s9Q"])
    application: str = Field(examples=["shop"])
    purpose: Purpose | None = Field(description="The declared purpose; null if there is none.")
    scopes: list[Scope] = Field(examples=[["submit"]])
    description: str | None
    created_at: Time
    expires_at: Time | None = Field(description="Null: never.")
    rate_limit: str | None = Field(description="Null: the limit of the setting.", examples=["60/minute"])
    daily_quota: int | None = Field(description="Photos on a day (UTC); null: any number.")
    last_used_at: Time | None = Field(description="Precise to one minute.")
    revoked_at: Time | None


class KeyMade(BaseModel):
    """A new key, shown once: only its hash is stored."""

    key: str = Field(examples=["emo_4fWk0s9Qd1..."])


class KeyList(BaseModel):
    """All keys, oldest first."""

    items: list[Key]


class UsageQuery(TextFields):
    """Which usage to list."""

    key: str | Unset = Field(default=None, max_length=16, description="Only this key's.", examples=["emo_4fWk0s9Q"])
    application: str | Unset = Field(default=None, max_length=100, description="Only this application's.")
    first_day: Day | Unset = Field(default=None, description="From this day on (UTC).", examples=["2026-03-01"])
    last_day: Day | Unset = Field(default=None, description="Up to this day, included.", examples=["2026-03-31"])
    limit: int = Field(default=1000, ge=1, le=1000, description="Maximum number of rows per page.")
    cursor: _UsageCursor | Unset = Field(default=None, description="Cursor of the page, taken from `next`.")


class Usage(BaseModel):
    """Usage of a key on one day."""

    key: str = Field(examples=["emo_4fWk0s9Q"])
    application: str = Field(examples=["shop"])
    day: date = Field(description="Of UTC.", examples=["2026-03-01"])
    requests: int = Field(examples=[1200])
    photos: int = Field(description="Photos accepted.", examples=[400])
    faces: int = Field(description="Faces found, counted on the day of the analysis.", examples=[820])
    bytes: int = Field(description="Bytes of request bodies.", examples=[73_000_000])
    errors: int = Field(description="Requests answered with status 400 or above.", examples=[3])


class UsageList(BaseModel):
    """A page of usage by key and day, latest day first. Counts are up to ten seconds old."""

    items: list[Usage]
    next: str | None = Field(description="Address of the next page; null on the last one.")


@blueprint.get("")
@blueprint.output(KeyList, description="All keys, including revoked ones.")
@blueprint.doc(summary="List API keys", responses=describe_errors("scope_missing"))
def list_keys() -> Response:
    """List all keys."""
    with get_services().database.read() as session:
        shown = [key_to_schema(key) for key in api_keys.list_keys(session)]
    return respond(KeyList(items=shown))


@blueprint.get("/usage")
@blueprint.input(UsageQuery, location="query", arg_name="query")
@blueprint.output(UsageList, description="Usage by key and day.")
@blueprint.doc(summary="Read the usage of API keys", responses=describe_errors("scope_missing", "invalid_request"))
def list_key_usage(query: UsageQuery) -> Response:
    """List usage by key and day."""
    wanted = UsageFilter(
        prefix=query.key, application=query.application, first_day=query.first_day, last_day=query.last_day
    )
    with get_services().database.read() as session:
        found = read_page(
            lambda limit: list_usage(session, wanted, limit, before=read_place(query.cursor) if query.cursor else None),
            query.limit,
            lambda row: f"{row.day}_{row.key_id}",
        )
        items = [usage_to_schema(row) for row in found.rows]
    return respond(UsageList(items=items, next=found.make_next_url(".list_key_usage")))


@blueprint.post("")
@blueprint.input(NewKey, location="json", arg_name="new")
@blueprint.output(KeyMade, status_code=HTTPStatus.CREATED, description="The key. It is shown only once.")
@blueprint.doc(
    summary="Create an API key",
    responses=describe_errors("scope_missing", "invalid_request", "purpose_forbidden", "test_key_scope"),
)
def create_key(new: NewKey) -> Response:
    """Create a key."""
    with get_services().database.write() as session:
        key, _ = api_keys.issue_key(
            session,
            new.application,
            new.scopes,
            get_caller().actor,
            new.to_terms(),
            new.purpose,
            is_test=new.is_test,
        )
    return _show_new(key)


@blueprint.put("/<prefix>")
@blueprint.input(KeyTermsBody, location="json", arg_name="terms")
@blueprint.output(Key, description="The key with its new terms.")
@blueprint.doc(
    summary="Change an API key",
    description="Replaces all terms of the key. A missing field removes its limit.",
    responses=describe_errors("scope_missing", "unknown_key", "invalid_request"),
)
def change_key(prefix: str, terms: KeyTermsBody) -> Response:
    """Change a key's terms."""
    with get_services().database.write() as session:
        key = api_keys.change_key(session, prefix, terms.to_terms(), get_caller().actor)
    return respond(key_to_schema(key))


@blueprint.post("/<prefix>/rotate")
@blueprint.input(KeyRotation, location="json", arg_name="rotation")
@blueprint.output(KeyMade, status_code=HTTPStatus.CREATED, description="The new key. It is shown only once.")
@blueprint.doc(
    summary="Replace an API key",
    description="Creates a key with the same scopes and terms. The previous key stays valid until the overlap ends.",
    responses=describe_errors("scope_missing", "unknown_key", "invalid_request"),
)
def rotate_key(prefix: str, rotation: KeyRotation) -> Response:
    """Replace a key."""
    with get_services().database.write() as session:
        key = api_keys.rotate_key(session, prefix, rotation.overlap_s, get_caller().actor)
    return _show_new(key)


@blueprint.delete("/<prefix>")
@blueprint.output({}, status_code=HTTPStatus.NO_CONTENT, description="Requests with the key are refused from now on.")
@blueprint.doc(summary="Revoke an API key", responses=describe_errors("scope_missing", "unknown_key"))
def revoke_key(prefix: str) -> tuple[str, HTTPStatus]:
    """Revoke a key, given by its first characters."""
    with get_services().database.write() as session:
        api_keys.revoke_key(session, prefix, get_caller().actor)
    return "", HTTPStatus.NO_CONTENT


def _show_new(key: str) -> Response:
    return respond(KeyMade(key=key), HTTPStatus.CREATED)


def key_to_schema(key: tables.ApiKey) -> Key:
    """Convert a key to its API schema."""
    return Key(
        prefix=key.prefix,
        application=key.application.name,
        purpose=key.application.purpose,
        scopes=[scope for scope in Scope if scope in key.scopes],
        description=key.description,
        created_at=key.created_at,
        expires_at=key.expires_at,
        rate_limit=key.rate_limit,
        daily_quota=key.daily_quota,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )


def usage_to_schema(row: tables.KeyUsage) -> Usage:
    """Convert a usage row to its API schema."""
    return Usage(
        key=row.key.prefix,
        application=row.key.application.name,
        day=row.day,
        requests=row.requests,
        photos=row.photos,
        faces=row.faces,
        bytes=row.bytes,
        errors=row.errors,
    )
