"""Signals that ask a program to end: SIGINT, which is Ctrl-C, SIGTERM, and SIGHUP, which comes when the terminal closes."""

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType

_REPEAT_S = 1.0


class Interrupts:
    """Raises KeyboardInterrupt when such a signal comes, so that what was started is stopped in order, and remembers it.

    An exception that comes from nowhere can be lost, in a destructor for one, and can leave a lock taken, as that of a Popen. So
    there are blocks in which it is put off, and whoever waits looks at `is_told`.
    """

    def __init__(self) -> None:
        self.is_told = False
        """Whether such a signal has come."""
        self._is_deferred = False
        self._only_notes = False
        self._raised_at = float("-inf")

    @contextlib.contextmanager
    def listen(self) -> Iterator[None]:
        """Hear the signals inside the block. Where SIGHUP is ignored, as under nohup, or Ctrl-C, it stays so."""
        previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        for number in (signal.SIGINT, signal.SIGHUP):
            if previous[number] is signal.SIG_IGN:
                del previous[number]
        for number in previous:
            signal.signal(number, self._hear)
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Let a signal interrupt only when the block has ended, one that came before and was lost too. For short blocks."""
        before, self._is_deferred = self._is_deferred, True
        try:
            yield
        finally:
            self._is_deferred = before
        if self.is_told:
            self._interrupt()

    def only_note(self) -> None:
        """From now on nothing is raised: stopping is under way, or the caller looks at `is_told`."""
        self._only_notes = True

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        # Only plain values here: a lock, also that of an Event, may be held by what is interrupted.
        self.is_told = True
        # A terminal that closes often says so twice, by the shell and by the kernel, and the first is on its way to whoever stops.
        # Later ones interrupt again, in case the first was lost.
        if time.monotonic() - self._raised_at > _REPEAT_S:
            self._interrupt()

    def _interrupt(self) -> None:
        if not self._is_deferred and not self._only_notes:
            self._raised_at = time.monotonic()
            raise KeyboardInterrupt


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
