"""Builds objects of mapped classes from the rows of plain statements, in a tenth of the ORM's time.

Used for what every request reads. The objects are like detached ones: missing attributes can't be loaded (DetachedInstanceError),
and changes aren't stored.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from sqlalchemy import Column, Table
from sqlalchemy.orm import DeclarativeBase, class_mapper
from sqlalchemy.orm.attributes import instance_dict, instance_state

Mapped = TypeVar("Mapped", bound=DeclarativeBase)


def list_columns(mapped: type[DeclarativeBase], *without: str) -> list[Column[Any]]:
    """List the columns except those with these names, which are also the attribute names.

    Reads the table, not the mapper: this is called during imports, and the mapper needs all classes to be imported.
    """
    return [column for column in get_table(mapped).columns if column.key not in without]


def list_empty(mapped: type[DeclarativeBase]) -> dict[str, Any]:
    """Return None for each nullable column without a default: the initial values of a new row."""
    return {str(column.key): None for column in get_table(mapped).columns if column.nullable and column.default is None}


def get_table(mapped: type[DeclarativeBase]) -> Table:
    """Return the table, for statements without the ORM."""
    return cast("Table", mapped.__table__)


def make_object(mapped: type[Mapped], values: Mapping[str, Any], **related: object) -> Mapped:
    """Build an object from column values and related objects, by attribute name. Its constructor isn't called.

    values: including the primary key.
    """
    mapper = class_mapper(mapped)
    made: Mapped = mapper.class_manager.new_instance()
    instance_dict(made).update(values)
    instance_state(made).key = mapper.identity_key_from_primary_key(
        tuple(values[str(column.key)] for column in mapper.primary_key)
    )
    return relate(made, **related)


def relate(made: Mapped, **related: object) -> Mapped:
    """Set an object's related objects, by attribute name. Returns the object."""
    instance_dict(made).update(related)
    return made
