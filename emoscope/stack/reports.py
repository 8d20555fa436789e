"""Reports the supervisor's start: as text for users, or as JSON lines for the parent process."""

import contextlib
import json
import sys
from typing import Protocol

_DIM, _RED, _PLAIN = "\033[2m", "\033[1;31m", "\033[0m"


class Reporter(Protocol):
    """Receives reports of the start."""

    def step(self, text: str) -> None:
        """Report a step in a few words."""

    def ready(self, greeting: str) -> None:
        """Report that the stack is ready."""

    def fail(self, text: str) -> None:
        """Report why the stack can't start."""


class TerminalReporter:
    """Prints steps and errors on stderr, the greeting on stdout. A closed terminal is ignored."""

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
    """Writes one JSON object per line on stdout until the stack is ready, and nothing afterwards: nobody reads it."""

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
