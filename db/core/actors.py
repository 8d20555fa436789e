"""Who did something: a user, an application, a worker process, or a component of the service.

An `Actor` is a string, which is shown in histories and stored in the `actor` columns, and it has a kind, stored in a column beside.
A user and an application may have the same name. Rows from before the kind was stored derive it from the text where possible.
"""

import re
from enum import StrEnum
from typing import Self

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, validates

from db.core.types import Word

_APPLICATION = "application:"
_SYSTEM = re.compile(r"sweeper|beat|sign-in|webhooks|emoscope|command line|command:.*|training_run:.*")
_WORKER = re.compile(r".+:[0-9]+")


class ActorKind(StrEnum):
    """Kind of an actor."""

    USER = "user"
    """A user of the pages, by name."""
    APPLICATION = "application"
    """An application, using one of its API keys."""
    WORKER = "worker"
    """A worker process."""
    SYSTEM = "system"
    """A component of the service that acts by itself, or a command on its machine."""


class Actor(str):
    """Who did something, as an unambiguous string: user names contain no colon. Compared and stored as that string."""

    __slots__ = ("kind",)
    kind: ActorKind

    def __new__(cls, kind: ActorKind, text: str) -> Self:
        made = super().__new__(cls, text)
        made.kind = kind
        return made

    @classmethod
    def user(cls, name: str) -> Self:
        """The user with that name."""
        return cls(ActorKind.USER, name)

    @classmethod
    def application(cls, name: str) -> Self:
        """The application with that name."""
        return cls(ActorKind.APPLICATION, f"{_APPLICATION}{name}")

    @classmethod
    def worker(cls, name: str) -> Self:
        """The worker process with that name, `host:pid`."""
        return cls(ActorKind.WORKER, name)

    @classmethod
    def system(cls, name: str) -> Self:
        """A component of the service."""
        return cls(ActorKind.SYSTEM, name)

    @classmethod
    def command(cls, account: str) -> Self:
        """A command on the service's machine, by the operating system's account. It needn't be a user of that name."""
        return cls(ActorKind.SYSTEM, f"command:{account}")

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse an actor stored without its kind. A bare name is a user's."""
        return cls(find_kind(text) or ActorKind.USER, text)

    @property
    def name(self) -> str:
        """The name without the kind."""
        return self.removeprefix(_APPLICATION)


COMMAND_LINE = Actor.system("command line")
EMOSCOPE = Actor.system("emoscope")
"""The service itself, during setup."""


def find_kind(text: str) -> ActorKind | None:
    """Derive the kind of an actor from its text. None for a bare name, which could be a user or an application."""
    if text.startswith(_APPLICATION):
        return ActorKind.APPLICATION
    if _SYSTEM.fullmatch(text):
        return ActorKind.SYSTEM
    return ActorKind.WORKER if _WORKER.fullmatch(text) else None


class ActorColumns:
    """Columns of a table whose rows have an actor. Setting `actor` to an Actor also sets the kind."""

    actor: Mapped[str] = mapped_column(String(200))
    actor_kind: Mapped[ActorKind | None] = mapped_column(Word(ActorKind))
    """Empty in rows from before it was stored, and in rows of older releases."""

    @validates("actor")
    def _keep_kind(self, _key: str, actor: str) -> str:
        self.actor_kind = actor.kind if isinstance(actor, Actor) else None
        return str(actor)

    @property
    def known_actor_kind(self) -> ActorKind | None:
        """The stored kind, or the one derived from the text."""
        return self.actor_kind or find_kind(self.actor)
