"""Real signals. Those that would end this process if nobody heard them are sent to one of its own."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from emoscope.stack import interrupts
from emoscope.stack.interrupts import Interrupts
from tests.support.signals import uninterrupted

PROGRAM = """
import signal, sys
from emoscope.stack.interrupts import Interrupts
interrupts = Interrupts()
with interrupts.listen():
    try:
        print("SIGHUP is", "ignored" if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else "heard", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        interrupts.only_note()
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_what_stops_in_order_is_interrupted_once(number: signal.Signals) -> None:
    """A terminal that closes says so twice, and people press Ctrl-C twice; here stopping takes until the input ends."""
    with start() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "SIGHUP is heard\n"
        process.send_signal(number)
        assert process.stdout.readline() == "stopping\n"
        for again in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            process.send_signal(again)
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


@pytest.fixture
def heard() -> Iterator[Interrupts]:
    heard = Interrupts()
    with heard.listen():
        yield heard


def lose_an_interrupt() -> None:
    """As a destructor does, or a library that takes any exception for a failure of its own."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_was_lost_comes_again_after_the_next_block(heard: Interrupts) -> None:
    lose_an_interrupt()
    assert heard.is_told
    went_through = False
    with pytest.raises(KeyboardInterrupt), heard.deferred():
        went_through = True
    assert went_through


@pytest.mark.parametrize(("repeat_s", "is_raised"), [(1000, False), (-1, True)], ids=["soon", "late"])
def test_a_repeated_signal_interrupts_again_but_not_within_moments(
    heard: Interrupts, monkeypatch: pytest.MonkeyPatch, *, repeat_s: float, is_raised: bool
) -> None:
    monkeypatch.setattr(interrupts, "_REPEAT_S", repeat_s)
    lose_an_interrupt()
    with pytest.raises(KeyboardInterrupt) if is_raised else uninterrupted():
        signal.raise_signal(signal.SIGINT)


def test_a_signal_waits_for_the_end_of_the_block(heard: Interrupts) -> None:
    went_through = []

    def do() -> None:
        with heard.deferred():
            with heard.deferred():
                signal.raise_signal(signal.SIGINT)
            went_through.append(1)

    with pytest.raises(KeyboardInterrupt):
        do()
    assert went_through


def test_what_only_notes_is_never_interrupted(heard: Interrupts) -> None:
    heard.only_note()
    with uninterrupted():
        with heard.deferred():
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert heard.is_told
