"""When a program is started again, with real programs and a short minute."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from emoscope.stack.plan import Program
from emoscope.stack.programs import MIN_UPTIME_S, SupervisedProgram, choose_pause_s
from tests.support.waiting import wait_until


def test_pauses_grow_to_half_a_minute() -> None:
    assert [choose_pause_s(failures) for failures in range(9)] == [0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert choose_pause_s(100_000) == 30


def run_once(program: SupervisedProgram) -> float:
    """Let the program run to its end, and return the pause before its next start."""
    os.close(program.start())
    wait_until(program.has_ended, "it has ended")
    program.note_end(is_stopping=False)
    assert program.restart_at is not None
    return program.restart_at - time.monotonic()


def test_a_program_that_ran_for_long_begins_without_a_pause(tmp_path: Path) -> None:
    program = SupervisedProgram(Program("worker", [sys.executable, "-S", "-c", ""]), str(tmp_path), tmp_path)
    pauses = [run_once(program) for _ in range(4)]
    assert [round(max(0.0, pause)) for pause in pauses] == [0, 1, 2, 4]
    assert program.to_status().failures == 4
    program.min_uptime_s = 0.0
    assert run_once(program) <= 0
    assert program.to_status().failures == 0
    program.min_uptime_s = MIN_UPTIME_S
    assert run_once(program) <= 0


def test_a_program_that_runs_for_long_no_longer_counts_as_failing(tmp_path: Path) -> None:
    program = SupervisedProgram(Program("worker", [sys.executable, "-S", "-c", "input()"]), str(tmp_path), tmp_path)
    for _ in range(3):
        run_once(program)
    assert program.is_failing
    assert program.describe() == "the worker keeps failing: it ended 3 times in a row, last with status 1"
    program.plan = Program("worker", [sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    os.close(program.start())
    assert program.is_failing
    program.min_uptime_s = 0.0
    assert not program.to_status().is_failing
    program.send(signal.SIGKILL)
    wait_until(program.has_ended, "it has ended")


def test_a_program_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    program = SupervisedProgram(Program("worker", [str(tmp_path / "missing")]), str(tmp_path), tmp_path)
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            program.start()
        assert program.restart_at is not None
    assert program.is_failing


def test_a_program_on_demand_sleeps_after_an_orderly_end_and_restarts_after_another(tmp_path: Path) -> None:
    plan = Program("trainer", [sys.executable, "-S", "-c", "import sys; sys.exit(len(sys.argv) - 1)"], wake_queue="q")
    program = SupervisedProgram(plan, str(tmp_path), tmp_path)
    asleep = [program.is_asleep]
    os.close(program.start())
    asleep.append(program.is_asleep)
    assert asleep == [True, False]
    wait_until(program.has_ended, "it has ended")
    assert program.note_end(is_stopping=False).endswith("it starts again when there is work for it")
    assert (program.is_asleep, program.restart_at, program.to_status().failures) == (True, None, 0)
    program.plan = Program("trainer", [*plan.command, "fail"], wake_queue="q")
    run_once(program)
    assert (program.is_asleep, program.to_status().failures) == (False, 1)
