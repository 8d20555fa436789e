from itertools import combinations

import pytest

from api.training_runs.run_view import describe_run
from db.core.vocabulary import EMOTIONS, TrainingRunStatus
from db.training_runs.tables import TrainingRun
from training.data.fer_csv import PARTS

COUNTS = {emotion.value: number for number, emotion in enumerate(EMOTIONS, start=1)}
SETS_OF_PARTS = [chosen for count in (1, 2, 3) for chosen in combinations(PARTS, count)]


@pytest.mark.parametrize("parts", SETS_OF_PARTS, ids="+".join)
def test_every_part_of_the_dataset_and_the_corrections_are_drawn(parts: tuple[str, ...]) -> None:
    audit = {"parts": {part: {"emotions": COUNTS} for part in parts}, "corrections_by_emotion": COUNTS}
    balance = describe_run(TrainingRun(status=TrainingRunStatus.RUNNING, audit=audit)).balance
    assert balance is not None
    assert [one.name for one in balance.legend] == [*parts, "corrections"]
    assert len({one.tone for one in balance.legend}) == len(balance.legend)
    assert len(balance.bars) == len(EMOTIONS) * len(balance.legend)


def test_a_run_without_corrections_draws_none() -> None:
    audit = {"parts": {"Training": {"emotions": COUNTS}}, "corrections_by_emotion": dict.fromkeys(COUNTS, 0)}
    balance = describe_run(TrainingRun(status=TrainingRunStatus.RUNNING, audit=audit)).balance
    assert balance is not None
    assert [one.name for one in balance.legend] == ["Training"]
    assert describe_run(TrainingRun(status=TrainingRunStatus.RUNNING)).balance is None
