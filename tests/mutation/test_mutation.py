"""The mutations of the mutation tester, and its choice of tests."""

from pathlib import Path

import pytest

from tests.mutation.known import list_known
from tests.mutation.mutants import Mutant, list_mutants
from tests.mutation.nearest import list_modules, list_stages
from tests.mutation.shard import BrokenTests, Shard

ROOT = Path(__file__).parents[2]
SOURCE = '''"""A module."""

log = None


def find(rows: "list[int] | None", limit: int = 3) -> int | None:
    """Find it."""
    log.info("looked", count=1)
    if not rows or len(rows) < limit:
        return None
    rows.sort()
    return rows[0] - 1
'''


def find_changes(folder: Path, source: str) -> dict[str, list[str]]:
    """What each expression or statement becomes."""
    (folder / "module.py").write_text(source)
    changes: dict[str, list[str]] = {}
    for mutant in list_mutants(folder, "module.py"):
        changes.setdefault(mutant.before, []).append(mutant.after)
    return changes


def test_each_decision_of_a_function_is_changed(tmp_path: Path) -> None:
    changes = find_changes(tmp_path, SOURCE)
    condition = "not rows or len(rows) < limit"
    assert changes == {
        "3": ["4"],
        condition: [
            f"(not ({condition}))",
            "((not rows) and (len(rows) < limit))",
            "(not rows)",
            "(len(rows) < limit)",
        ],
        "not rows": ["(rows)"],
        "len(rows) < limit": ["len(rows) <= limit", "len(rows) >= limit"],
        "rows.sort()": ["pass"],
        "return rows[0] - 1": ["return None"],
        "rows[0] - 1": ["((rows[0]) + (1))"],
        "0": ["1"],
        "1": ["2"],
    }


def test_each_condition_of_a_query_is_left_out(tmp_path: Path) -> None:
    changes = find_changes(tmp_path, "rows = select().where(old(), ~used)\n")
    assert changes["old()"] == ["select().where(~used)"]
    assert changes["~used"] == ["select().where(old())", "(used)"]


def test_letters_that_take_several_bytes_shift_nothing(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text('words = ["Zoë", True]\n')
    (mutant,) = list_mutants(tmp_path, "module.py")
    assert mutant.apply((tmp_path / "module.py").read_bytes()).decode() == 'words = ["Zoë", False]\n'


def test_a_mutant_is_looked_for_at_the_mirrored_path_and_then_in_its_folder() -> None:
    assert list_stages("db/jobs/retention.py") == ["tests/unit/db/jobs/test_retention.py", "tests/unit/db/jobs"]
    assert list_stages("client/src/emoscope_client/pages.py")[0] == "tests/unit/emoscope_client/test_pages.py"


def test_a_package_a_folder_or_a_module_is_asked_for() -> None:
    package, folder = list_modules(ROOT, "db"), list_modules(ROOT, "db/jobs")
    assert set(folder) < set(package)
    assert list_modules(ROOT, "db/jobs/retention") == ["db/jobs/retention.py"]


def test_mutants_that_once_survived_are_still_lines_of_the_source() -> None:
    assert all(mutant.before != mutant.after for mutant in list_known(ROOT))


class PlayedShard(Shard):
    """A shard whose tests fail where the test says so."""

    def __init__(self, copy: Path, is_failing: dict[str, list[bool]]) -> None:
        super().__init__(copy)
        self._is_failing = is_failing
        self.seen: list[str] = []

    def _fails(self, tests: str, limit_s: float) -> bool:
        self.seen.append((self._copy / "db/module.py").read_text())
        return self._is_failing[tests].pop(0)


OWN, FOLDER = "tests/unit/db/test_module.py", "tests/unit/db"
MUTANT = Mutant("db/module.py", 1, "constant", "1", "2", 4, 5)


def make_shard(copy: Path, own: list[bool], folder: list[bool] | None = None) -> PlayedShard:
    """own, folder: whether those tests fail, time after time."""
    (copy / "db").mkdir()
    (copy / "db/module.py").write_text("x = 1")
    return PlayedShard(copy, {OWN: own, FOLDER: folder or []})


def test_a_mutant_that_its_own_tests_kill_is_looked_for_no_further(tmp_path: Path) -> None:
    shard = make_shard(tmp_path, own=[False, True])
    assert shard.run(MUTANT).killed_by == OWN
    assert shard.seen == ["x = 1", "x = 2"]
    assert (tmp_path / "db/module.py").read_text() == "x = 1"


@pytest.mark.parametrize(("folder", "killed_by"), [([False, True], FOLDER), ([False, False], None)])
def test_a_mutant_that_they_let_live_is_looked_for_in_the_folder(
    tmp_path: Path, folder: list[bool], killed_by: str | None
) -> None:
    outcome = make_shard(tmp_path, own=[False, False], folder=folder).run(MUTANT)
    assert outcome.killed_by == killed_by


def test_tests_that_fail_without_a_mutant_tell_nothing(tmp_path: Path) -> None:
    with pytest.raises(BrokenTests, match="without a mutant"):
        make_shard(tmp_path, own=[True]).run(MUTANT)
