"""Who did something, with its kind: a user and an application of the same name are two.

An `Actor` is the text that histories show and that the `actor` columns hold, and it knows its kind, which lies in a column beside.
Rows from before that column have no kind; it is read from the text where the text tells it.
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
    """What kind of actor."""

    USER = "user"
    """A person, by the name of the user."""
    APPLICATION = "application"
    """An application, by one of its API keys."""
    WORKER = "worker"
    """A worker process."""
    SYSTEM = "system"
    """A part of the service that acts by itself, or somebody at the command line of its machine."""


class Actor(str):
    """Who did something, as text that is unambiguous: a user's name has no colon in it. Equal to, and stored as, that text."""

    __slots__ = ("kind",)
    kind: ActorKind

    def __new__(cls, kind: ActorKind, text: str) -> Self:
        made = super().__new__(cls, text)
        made.kind = kind
        return made

    @classmethod
    def user(cls, name: str) -> Self:
        """The person of that name."""
        return cls(ActorKind.USER, name)

    @classmethod
    def application(cls, name: str) -> Self:
        """The application of that name."""
        return cls(ActorKind.APPLICATION, f"{_APPLICATION}{name}")

    @classmethod
    def worker(cls, name: str) -> Self:
        """The worker process of that name, `host:pid`."""
        return cls(ActorKind.WORKER, name)

    @classmethod
    def system(cls, name: str) -> Self:
        """A part of the service that acts by itself."""
        return cls(ActorKind.SYSTEM, name)

    @classmethod
    def command(cls, account: str) -> Self:
        """Whoever gives a command on the service's machine, by the account there, which need not be a user of that name."""
        return cls(ActorKind.SYSTEM, f"command:{account}")

    @classmethod
    def read(cls, text: str) -> Self:
        """The actor of a text that is stored without its kind. A bare name is a user's."""
        return cls(find_kind(text) or ActorKind.USER, text)

    @property
    def name(self) -> str:
        """The actor without the kind, as people write it."""
        return self.removeprefix(_APPLICATION)


COMMAND_LINE = Actor.system("command line")
EMOSCOPE = Actor.system("emoscope")
"""The service itself, when it sets itself up."""


def find_kind(text: str) -> ActorKind | None:
    """The kind of an actor of which only the text is known. None for a bare name, which users had, and applications too."""
    if text.startswith(_APPLICATION):
        return ActorKind.APPLICATION
    if _SYSTEM.fullmatch(text):
        return ActorKind.SYSTEM
    return ActorKind.WORKER if _WORKER.fullmatch(text) else None


class ActorColumns:
    """Columns of a table whose rows say who did something. A row gets the kind from the Actor that `actor` is set to."""

    actor: Mapped[str] = mapped_column(String(200))
    actor_kind: Mapped[ActorKind | None] = mapped_column(Word(ActorKind))
    """Empty in rows from before it was stored, and in rows of an older release."""

    @validates("actor")
    def _keep_kind(self, _key: str, actor: str) -> str:
        self.actor_kind = actor.kind if isinstance(actor, Actor) else None
        return str(actor)

    @property
    def known_actor_kind(self) -> ActorKind | None:
        """The kind that is stored or that the text tells."""
        return self.actor_kind or find_kind(self.actor)
