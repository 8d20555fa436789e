"""Signals that ask a program to end do what Ctrl-C does."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def interrupt_on_signals() -> Iterator[None]:
    """Inside the block SIGTERM and SIGHUP, which comes when the terminal closes, raise KeyboardInterrupt, so that what was started
    is stopped in order. Where SIGHUP is ignored, as under nohup, it stays so.
    """
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    if previous[signal.SIGHUP] is signal.SIG_IGN:
        del previous[signal.SIGHUP]

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        # A terminal that closes often says so twice, by the shell and by the kernel, and stopping in order takes a while.
        for number in previous:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in previous:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def hidden_from_ctrl_c() -> Iterator[None]:
    """A process that is started inside the block doesn't hear a Ctrl-C, which a terminal sends to all of a group; it hears SIGTERM.

    For processes whose group somebody else decides on.
    """
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
