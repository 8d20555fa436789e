"""What the supervisor tells of its start: as lines for people, or as JSON lines for the process that started it."""

import contextlib
import json
import sys
from typing import Protocol

_DIM, _RED, _PLAIN = "\033[2m", "\033[1;31m", "\033[0m"


class Reporter(Protocol):
    """Who is told of the start."""

    def step(self, text: str) -> None:
        """A step in a few words."""

    def ready(self, greeting: str) -> None:
        """The stack works."""

    def fail(self, text: str) -> None:
        """The stack can't start; the text says why."""


class TerminalReporter:
    """Prints steps and errors on stderr, the greeting on stdout. A terminal that is gone is no error."""

    def __init__(self) -> None:
        self._has_colours = sys.stderr.isatty()

    def step(self, text: str) -> None:
        """Print a step."""
        self._print(_DIM, "·", text)

    def ready(self, greeting: str) -> None:
        """Print the greeting."""
        with contextlib.suppress(OSError):
            sys.stdout.write(greeting)
            sys.stdout.flush()

    def fail(self, text: str) -> None:
        """Print an error."""
        self._print(_RED, "Error:", text)

    def _print(self, colour: str, word: str, text: str) -> None:
        shown = f"{colour}{word}{_PLAIN}" if self._has_colours else word
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{shown} {text}\n")
            sys.stderr.flush()


class LineReporter:
    """Writes one JSON object a line on stdout until the stack works, and nothing after: nobody reads on."""

    def __init__(self) -> None:
        self._is_read = True

    def step(self, text: str) -> None:
        """Write {"step": text}."""
        self._write({"step": text})

    def ready(self, greeting: str) -> None:
        """Write {"ready": greeting}."""
        self._write({"ready": greeting})
        self._is_read = False

    def fail(self, text: str) -> None:
        """Write {"error": text}."""
        self._write({"error": text})

    def _write(self, line: dict[str, str]) -> None:
        if self._is_read:
            with contextlib.suppress(OSError):
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()
