"""Log lines, from our own code and from libraries, in one form."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, structlog
from emoscope.logging import configure_logs
configure_logs("INFO", {form!r})
structlog.contextvars.bind_contextvars(request_id="r1")
structlog.get_logger("ours").info("job_done", job_id=7)
structlog.get_logger("ours").debug("not shown")
logging.getLogger("theirs").warning("a %s line", "library's")
logging.getLogger("alembic.runtime").info("not shown either")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("ours").exception("failed")
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_every_line_goes_to_stderr_with_its_level_and_context(form: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(form=form)], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "not shown" not in done.stderr
    if form == "text":
        assert "a library's line" in done.stderr
        assert "ZeroDivisionError" in done.stderr
        return
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line["level"], line["logger"]) for line in lines] == [
        ("job_done", "info", "ours"),
        ("a library's line", "warning", "theirs"),
        ("failed", "error", "ours"),
    ]
    assert (lines[0]["job_id"], lines[0]["request_id"]) == (7, "r1")
    assert "ZeroDivisionError" in lines[2]["exception"]
