import os
import socket
import subprocess
import sys

from worker.core.identity import is_gone, name_this_process


def test_a_child_is_gone_when_its_process_has_ended() -> None:
    host = socket.gethostname()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert not is_gone(f"{host}:{process.pid}")
    process.communicate()
    assert is_gone(f"{host}:{process.pid}")


def test_of_other_machines_nothing_is_known() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert not is_gone(f"elsewhere:{process.pid}")


def test_this_child_is_called_by_machine_and_process() -> None:
    assert name_this_process() == f"{socket.gethostname()}:{os.getpid()}"
    assert not is_gone(name_this_process())
