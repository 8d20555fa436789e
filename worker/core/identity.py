"""What a child is called, `host:pid`, and whether the one of that name still runs."""

import os
import socket


def name_this_process() -> str:
    """The name that this process claims jobs by."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_gone(name: str) -> bool:
    """Whether the child of that name ran on this machine and has ended. Of other machines' children nothing is known here."""
    host, _, pid = name.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # somebody else's process: it runs
    return False
