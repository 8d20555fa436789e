"""Reads query parameters and form fields of pages into models. Errors are shown as pages."""

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from flask import abort, request
from pydantic import ConfigDict, ValidationError, model_validator
from werkzeug.datastructures import MultiDict

from api.core.fields import LARGEST_NUMBER, Day, TextFields
from api.web.forms import FieldRefused, is_search_left_out


class Query(TextFields):
    """Base of a page's parameters. Empty form fields count as missing.

    Unknown fields are ignored: pages and forms have further ones.
    """

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _leave_out_empty(cls, given: Mapping[str, str]) -> dict[str, str]:
        return {name: value.strip() for name, value in given.items() if value.strip()}


Asked = TypeVar("Asked", bound=Query)


def read_query(kind: type[Asked], given: MultiDict[str, str]) -> Asked:
    """Read query parameters or form fields. Raises FieldRefused; aborts with 422 if a field is given twice."""
    if given is request.args and is_search_left_out():
        return kind()
    for name in kind.model_fields:
        if len(given.getlist(name)) > 1:
            abort(422, f"{name}: is given more than once")
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise FieldRefused(
            str(first["loc"][0]), f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}"
        ) from error


def read_number(given: str, largest: int = LARGEST_NUMBER) -> int | None:
    """Return a whole number from 0 to `largest` in decimal digits; None for anything else."""
    number = int(given) if re.fullmatch("[0-9]{1,19}", given) else None
    return number if number is not None and number <= largest else None


def begin_day(day: date) -> datetime:
    """Return the start of a day in UTC."""
    return datetime.combine(day, time.min, UTC)


def end_day(day: Day) -> datetime:
    """Return the start of the next day in UTC."""
    return begin_day(day) + timedelta(days=1)


def make_api_query(wanted: Any) -> dict[str, str]:
    """Convert a filter dataclass of the database to query parameters of the API: times in RFC 3339, without None."""
    given = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    return {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
        for name, value in given.items()
        if value is not None
    }
