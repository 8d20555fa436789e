"""Objects of mapped classes from rows that a plain statement gave: a tenth of the time that the ORM takes to load them.

For what is read at every request. They are as after their session's end: what wasn't put in can't be loaded
(DetachedInstanceError), and changes aren't stored.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from sqlalchemy import Column, Table
from sqlalchemy.orm import DeclarativeBase, class_mapper
from sqlalchemy.orm.attributes import instance_dict, instance_state

Mapped = TypeVar("Mapped", bound=DeclarativeBase)


def list_columns(mapped: type[DeclarativeBase], *without: str) -> list[Column[Any]]:
    """The columns but those of these names, which are the attributes' names too.

    Asks the table and not the mapper: that one wants all classes to be imported, and this is called while they are.
    """
    return [column for column in get_table(mapped).columns if column.key not in without]


def list_empty(mapped: type[DeclarativeBase]) -> dict[str, Any]:
    """Nothing in each column that may be empty and has no default: what a new row begins with."""
    return {str(column.key): None for column in get_table(mapped).columns if column.nullable and column.default is None}


def get_table(mapped: type[DeclarativeBase]) -> Table:
    """The table, for statements that the ORM has no part in."""
    return cast("Table", mapped.__table__)


def make_object(mapped: type[Mapped], values: Mapping[str, Any], **related: object) -> Mapped:
    """An object with these columns, by attribute name, and these related objects. Its constructor isn't called.

    values: with its primary key.
    """
    mapper = class_mapper(mapped)
    made: Mapped = mapper.class_manager.new_instance()
    instance_dict(made).update(values)
    instance_state(made).key = mapper.identity_key_from_primary_key(
        tuple(values[str(column.key)] for column in mapper.primary_key)
    )
    return relate(made, **related)


def relate(made: Mapped, **related: object) -> Mapped:
    """Give such an object its related ones, by attribute name. Returns it."""
    instance_dict(made).update(related)
    return made
