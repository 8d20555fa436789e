"""Commands on a running API."""

from tests.support.commands import command_line
from tests.support.live_api import live_api, to_live_api

__all__ = ["command_line", "live_api", "to_live_api"]
