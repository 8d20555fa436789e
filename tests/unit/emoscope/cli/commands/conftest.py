"""The command line on a database of its own."""

from tests.support.commands import command_line

__all__ = ["command_line"]
