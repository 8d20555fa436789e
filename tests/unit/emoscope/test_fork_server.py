"""What the fork server does in its own process. What it forks: test_fork_client.py."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from emoscope import fork_server
from emoscope.fork_server import CannotFork, Request, check_single_thread

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server needs Linux")


def test_a_request_survives_its_message() -> None:
    request = Request(["python", "-c", "pass"], [1, 2], {"A": "ä"}, is_session=True)
    assert Request.from_json(request.to_json()) == request


def test_descriptors_swap_their_numbers() -> None:
    """The numbers that a program wants may be those under which others came in."""
    pipes = [os.pipe(), os.pipe()]
    (first, _), (second, _) = pipes
    for index, (_, writing) in enumerate(pipes):
        os.write(writing, b"%d" % index)
    fork_server._place({first: second, second: first})
    assert (os.read(first, 9), os.read(second, 9)) == (b"1", b"0")
    for pipe in pipes:
        for descriptor in pipe:
            os.close(descriptor)


def test_a_process_with_threads_does_not_fork() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    with pytest.raises(CannotFork, match="threads"):
        check_single_thread()
    done.set()
    thread.join()


@pytest.mark.parametrize("length", [5, 5000])
def test_a_title_is_cut_to_the_room_of_the_command_line(length: int) -> None:
    shows = (
        "import os, sys; from pathlib import Path; from emoscope.fork_server import set_title; set_title('x' * int(sys.argv[1]))\n"
        "print(Path('/proc/self/cmdline').read_text().rstrip(chr(0)), os.environ['HOME'])"
    )
    command = [sys.executable, "-c", shows, str(length)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"HOME": "/h"}).stdout
    cut = ("x" * length)[: sum(len(word) + 1 for word in command) - 2]
    assert shown == f"{cut} /h\n"


def test_the_server_imports_nothing_but_the_standard_library() -> None:
    names = "import sys, emoscope.fork_client; print(*{name.partition('.')[0] for name in sys.modules})"
    path = str(Path(__file__).parents[3])
    said = subprocess.run(
        [sys.executable, "-S", "-c", names],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    ).stdout
    assert not {*said.split()} - sys.stdlib_module_names - {"emoscope", "__main__"}
