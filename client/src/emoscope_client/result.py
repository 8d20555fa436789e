"""Converts the API's JSON to typed results, and back.

Fields are named like the JSON object's members, with a trailing underscore after Python keywords. Members added by a newer
service are ignored. Members missing from an older service are None if nullable, and empty if a list.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import NoneType, UnionType
from typing import Literal, Self, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints
from uuid import UUID

from emoscope_client.errors import UnexpectedAnswer

_T = TypeVar("_T")
_Reader = Callable[[object], object]


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Result:
    """Base class of the client's results: like a frozen dataclass with keyword-only fields.

    Dataclasses compile their methods at import, which would make importing the client 50 % slower.
    """

    def __init__(self, **values: object) -> None:
        names = type(self).__annotations__
        if values.keys() != names.keys():
            wrong = ", ".join(sorted(values.keys() ^ names.keys()))
            raise TypeError(f"{type(self).__name__} has other fields: {wrong}")
        self.__dict__.update({name: values[name] for name in names})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} can't be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} can't be changed")

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({fields})"

    @classmethod
    def from_json(cls, plain: object) -> Self:
        """Convert decoded JSON to a result. Raises UnexpectedAnswer if a member is missing or of another type."""
        try:
            found = _make_reader(cls)(plain)
        except ValueError as error:
            raise UnexpectedAnswer(f"the response is not a {cls.__name__} of this API: {error}") from error
        assert isinstance(found, cls)
        return found

    def to_json(self) -> dict[str, object]:
        """Convert a result to the API's form, for `json.dumps`."""
        return {name.rstrip("_"): _write(value) for name, value in self.__dict__.items()}


_MEMBERS: dict[type[Result], tuple[tuple[str, str, _Reader], ...]] = {}


def _list_members(kind: type[Result]) -> tuple[tuple[str, str, _Reader], ...]:
    """Return attribute, JSON name and reader of each field, cached per class."""
    if kind not in _MEMBERS:
        hints = get_type_hints(kind)
        _MEMBERS[kind] = tuple((name, name.rstrip("_"), _make_reader(hint)) for name, hint in hints.items())
    return _MEMBERS[kind]


def _make_reader(hint: object) -> _Reader:
    """Return a function that converts a JSON value to the type of a hint. The function raises ValueError."""
    if isinstance(hint, type) and issubclass(hint, Result):
        return _make_object_reader(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        read = _make_reader(next(each for each in arguments if each is not NoneType))
        return lambda plain: None if plain is None else read(plain)
    if origin is tuple:
        read = _make_reader(arguments[0])
        return lambda plain: () if plain is None else tuple([read(item) for item in _check(plain, list)])
    if origin is dict:
        read = _make_reader(arguments[1])
        return lambda plain: {name: read(value) for name, value in _check(plain, dict).items()}
    if origin is Literal:
        return lambda plain: _check(plain, str)
    return _SIMPLE[hint]


def _make_object_reader(kind: type[Result]) -> _Reader:
    def read(plain: object) -> Result:
        members: Mapping[str, object] = _check(plain, dict)
        values: dict[str, object] = {}
        for field, name, read_member in _list_members(kind):
            try:
                values[field] = read_member(members.get(name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        return kind(**values)

    return read


def _check(plain: object, kind: type[_T]) -> _T:
    if not isinstance(plain, kind) or (isinstance(plain, bool) and kind is not bool):
        raise ValueError(f"{'nothing' if plain is None else type(plain).__name__} where {kind.__name__} is expected")
    return plain


def _read_float(plain: object) -> float:
    return float(plain) if isinstance(plain, int) and not isinstance(plain, bool) else _check(plain, float)


_SIMPLE: dict[object, _Reader] = {
    str: lambda plain: _check(plain, str),
    int: lambda plain: _check(plain, int),
    bool: lambda plain: _check(plain, bool),
    float: _read_float,
    object: lambda plain: plain,
    UUID: lambda plain: UUID(_check(plain, str)),
    datetime: lambda plain: datetime.fromisoformat(_check(plain, str)),
    date: lambda plain: date.fromisoformat(_check(plain, str)),
}


def _write(value: object) -> object:
    if isinstance(value, Result):
        return value.to_json()
    if isinstance(value, tuple):
        return [_write(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID | date) else value
