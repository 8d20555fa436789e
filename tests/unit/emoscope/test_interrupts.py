"""Real processes, which are sent real signals."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PROGRAM = """
import signal, sys
from emoscope.interrupts import interrupt_on_signals
with interrupt_on_signals():
    try:
        print("SIGHUP is", "ignored" if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else "heard", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        print("stopping", flush=True)
        sys.stdin.read()
        print("stopped", flush=True)
print("as before" if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL else "changed", flush=True)
"""


@contextmanager
def start(*before: str) -> Iterator[subprocess.Popen[str]]:
    command = [*before, sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_what_stops_in_order_is_interrupted_once(number: signal.Signals) -> None:
    """A terminal that closes says so twice; the second time stopping is under way, here until its input ends."""
    with start() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "SIGHUP is heard\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        process.stdin.close()
        assert process.stdout.read() == "stopped\nas before\n"
        assert process.wait(10) == 0


def test_under_nohup_the_end_of_the_terminal_stays_unheard() -> None:
    with start("sh", "-c", 'trap \'\' HUP; exec "$0" "$@"') as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "SIGHUP is ignored\n"
        process.send_signal(signal.SIGTERM)
        process.stdin.close()
        assert process.stdout.read() == "stopping\nstopped\nas before\n"
