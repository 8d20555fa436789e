"""Identifies who runs a command, for the audit log."""

import getpass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.core.actors import Actor


def find_operator() -> "Actor":
    """Return the operating system's account that runs the command. In a container it may have no name."""
    from db.core.actors import Actor

    try:
        return Actor.command(getpass.getuser())
    except (KeyError, OSError):
        return Actor.command("unknown")
