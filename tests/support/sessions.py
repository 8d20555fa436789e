"""Executes the shell and Python blocks of a documentation page in order, and compares their output."""

import contextlib
import io
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from unittest import mock

from emoscope_client import Client

_FENCED = re.compile(r"^```(sh|python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_END = "end of a session"


@dataclass(frozen=True)
class Session:
    """A block of a page with the output that the page shows for it. line: where it begins."""

    language: str
    source: str
    printed: str
    line: int


def list_sessions(page: str) -> Iterator[Session]:
    """Return every shell or Python block in order."""
    blocks = list(_FENCED.finditer(page))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block[1] == "text":
            continue
        is_printing = following is not None and following[1] == "text"
        printed = following[2] if following is not None and is_printing else ""
        yield Session(block[1], block[2], printed, page.count("\n", 0, block.start()) + 2)


class Shells:
    """A shell and a Python namespace that keep their variables between blocks. Use it as a context manager."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._namespace: dict[str, Any] = {}
        self._shell = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.communicate("exit\n", timeout=30)
        for value in self._namespace.values():
            if isinstance(value, Client):
                value.close()

    def run(self, session: Session, page: str) -> str:
        """Run a block. Returns its output, including errors."""
        return self._run_python(session, page) if session.language == "python" else self._run_shell(session)

    def _run_shell(self, session: Session) -> str:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{session.source}\necho '{_END}'\n")
        self._shell.stdin.flush()
        return "".join(iter(self._shell.stdout.readline, f"{_END}\n"))

    def _run_python(self, session: Session, page: str) -> str:
        printed = io.StringIO()
        code = compile("\n" * (session.line - 1) + session.source, page, "exec")
        here = mock.patch.dict(os.environ, self._environment)
        with here, contextlib.chdir(self._folder), contextlib.redirect_stdout(printed):
            exec(code, self._namespace)
        return printed.getvalue()
