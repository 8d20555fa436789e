"""Names of worker processes, `host:pid`, and whether a named process still runs."""

import os
import socket


def name_this_process() -> str:
    """Return the name by which this process claims jobs."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_gone(name: str) -> bool:
    """Return whether the process with that name ran on this machine and has ended. False for processes of other machines."""
    host, _, pid = name.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # another user's process: it is running
    return False
