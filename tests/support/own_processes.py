"""Finds the processes started by a program."""

import psutil


def list_own_processes(pid: int) -> list[int]:
    """Their numbers, the oldest first. Spawned processes also have one that tracks their resources, which does no work."""
    found = []
    try:
        children = psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []
    for child in children:
        try:
            if "resource_tracker" not in " ".join(child.cmdline()):
                found.append(child.pid)
        except psutil.Error:  # it has ended since
            continue
    return sorted(found)
