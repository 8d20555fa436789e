"""The plan, as the supervisor parses it."""

import json
import subprocess
import sys

import pytest

from emoscope.stack.plan import Plan, Program

PLAN = Plan(
    data_dir="/data",
    programs=[
        Program("queue", ("valkey", "--port", "0"), ready_socket="/run/q.sock", stop_step=2),
        Program("api", ["python"], {"A": "é\n"}),
    ],
    working_dir="/empty",
    status_socket="/run/s.sock",
    ready_host="::1",
    ready_port=8000,
    greeting="hello",
)


def test_a_plan_comes_back_as_it_was_written() -> None:
    read = Plan.from_json(PLAN.to_json())
    assert read.to_json() == PLAN.to_json()
    assert (read.programs[0].ready_socket, read.programs[0].stop_step) == ("/run/q.sock", 2)
    assert read.programs[1].environment == {"A": "é\n"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"programs": [{}]}', json.dumps(json.loads(PLAN.to_json()) | {"more": 1})]
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Plan.from_json(text)


def test_the_supervisor_loads_the_standard_library_alone() -> None:
    code = (
        "import sys, emoscope.stack.plan as _; "
        "print([m for m in sys.modules if m.split('.')[0] in ('pydantic', 'sqlalchemy', 'celery', 'numpy')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
