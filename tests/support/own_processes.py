"""Finds the processes started by a program."""

import psutil


def list_own_processes(pid: int) -> list[int]:
    """Return their ids, oldest first. Includes multiprocessing's resource tracker, if processes were spawned."""
    found = []
    try:
        children = psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []
    for child in children:
        try:
            if "resource_tracker" not in " ".join(child.cmdline()):
                found.append(child.pid)
        except psutil.Error:  # it has ended in the meantime
            continue
    return sorted(found)
