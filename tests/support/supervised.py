"""A fake supervisor that reports the state of its programs."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from emoscope.settings import Settings
from emoscope.stack.status import ProgramStatus, encode_status


def make_status(name: str, failures: int = 0) -> ProgramStatus:
    return ProgramStatus(name, 4711, failures + 1, failures, -9 if failures else None)


@contextmanager
def supervised(settings: Settings, *programs: ProgramStatus) -> Iterator[None]:
    """Serve the settings' socket inside the block."""
    settings.runtime_dir.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(settings.stack_socket))
        listener.listen()

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(encode_status(programs))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            shutil.rmtree(settings.runtime_dir)
