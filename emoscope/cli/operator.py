"""Who gives a command, for the log of changes."""

import getpass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.core.actors import Actor


def find_operator() -> "Actor":
    """The account on this machine that the command runs as. A container's may have no name."""
    from db.core.actors import Actor

    try:
        return Actor.command(getpass.getuser())
    except (KeyError, OSError):
        return Actor.command("unknown")
