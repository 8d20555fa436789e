"""Base models of request data: one for JSON bodies, one for text (query and forms), and shared field types.

Each value has one form. In JSON a number must be a number, not a string or boolean; in text it must be decimal digits. A time is
RFC 3339, an id a UUID in its usual form.
"""

import json
import re
from datetime import UTC, date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.json_schema import SkipJsonSchema

LARGEST_NUMBER = 2**31 - 1
"""Largest value of an INTEGER column."""
LARGEST_ID = 2**63 - 1
"""Largest value of a BIGINT column."""

_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])",
    re.ASCII,
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def _leave_out_defaults_that_are_none(schema: dict[str, Any]) -> None:
    """Remove null defaults from the schema of fields that may be left out but not be null."""
    for field in schema.get("properties", {}).values():
        if "anyOf" not in field and field.get("default", "") is None:
            del field["default"]


class JsonBody(BaseModel):
    """A JSON body: an object with JSON's own types and no undeclared fields."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, json_schema_extra=_leave_out_defaults_that_are_none
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_null_only_where_documented(cls, value: object, info: ValidationInfo) -> object:
        """Refuse null for an optional field, unless its schema allows null."""
        field = cls.model_fields[str(info.field_name)]
        if value is None and not field.is_required() and NoneType not in _list_types(field.annotation, is_shown=True):
            raise ValueError("may not be null; leave it out")
        return value

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Validate parsed JSON by JSON's rules, not Python's. Raises ValidationError."""
        return obj if isinstance(obj, cls) else cls.model_validate_json(json.dumps(obj), **options)


class TextFields(BaseModel):
    """Query parameters or form fields: text in which each value has one form, and no undeclared fields."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _has_one_form(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        kinds = _list_types(cls.model_fields[str(info.field_name)].annotation)
        if int in kinds and not _WHOLE.fullmatch(value):
            raise ValueError("must be a whole number in decimal digits")
        if float in kinds and not _DECIMAL.fullmatch(value):
            raise ValueError("must be a number in decimal digits, such as 0.5")
        if bool in kinds and value not in {"true", "false"}:
            raise ValueError("must be true or false")
        return value


def _list_types(annotation: Any, *, is_shown: bool = False) -> frozenset[Any]:
    """List the types of a union, without their annotations.

    is_shown: leave out types that are hidden from the OpenAPI document.
    """
    if get_origin(annotation) is Annotated:
        inner, *notes = get_args(annotation)
        is_hidden = is_shown and any(isinstance(note, SkipJsonSchema) for note in notes)  # type: ignore[misc]  # for mypy it is an alias
        return frozenset() if is_hidden else _list_types(inner, is_shown=is_shown)
    if get_origin(annotation) in {Union, UnionType}:
        return frozenset[Any]().union(*(_list_types(each, is_shown=is_shown) for each in get_args(annotation)))
    return frozenset({annotation})


def _read_moment(given: object) -> datetime:
    """Parse an RFC 3339 time, in UTC. Digits beyond microseconds are dropped."""
    if isinstance(given, datetime):
        return given
    if not isinstance(given, str) or not _RFC_3339.fullmatch(given):
        hint = "; in an address, write + as %2B" if isinstance(given, str) and " " in given else ""
        raise ValueError(f"must be a time as RFC 3339 writes it, such as 2026-03-01T00:00:00Z{hint}")
    try:
        return datetime.fromisoformat(given.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the supported range of years") from None
    except ValueError:
        raise ValueError("is a day that the calendar doesn't have") from None


def _check_day(given: object) -> object:
    if isinstance(given, str) and not _DAY.fullmatch(given):
        raise ValueError("must be a day, such as 2026-03-01")
    return given


def _check_id(given: object) -> object:
    if isinstance(given, str) and not _UUID.fullmatch(given):
        raise ValueError("must be an id, such as 0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d")
    return given


Number = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]
Moment = Annotated[datetime, BeforeValidator(_read_moment)]
"""A time with its offset from UTC."""
Day = Annotated[date, BeforeValidator(_check_day), Field(lt=date.max)]
"""A day that has a next one."""
RowId = Annotated[UUID, BeforeValidator(_check_id)]
