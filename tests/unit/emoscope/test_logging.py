"""Log lines of our code and of libraries have one format."""

import json
import subprocess
import sys
from uuid import uuid4

import pytest
from structlog.contextvars import get_contextvars

from emoscope.logging import bind_job

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


def test_lines_inside_name_the_job_its_request_and_its_trace() -> None:
    job_id = uuid4()
    with bind_job(job_id, "r1", f"00-{'a' * 32}-{'b' * 16}-01"):
        assert get_contextvars() == {"job_id": str(job_id), "request_id": "r1", "trace_id": "a" * 32}
    with bind_job(job_id, None):
        assert get_contextvars() == {"job_id": str(job_id)}
    assert get_contextvars() == {}
