"""The page on networks matches its data."""

import re
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from bench.training.write_tried import DATA, PAGE, Tried, read_tried, write_page

TRIED = read_tried()


def test_the_page_agrees_with_the_data() -> None:
    page = PAGE.read_text()
    assert page == write_page(page, TRIED), "run: python -m bench.training.write_tried"


def test_the_page_shows_every_list_of_the_data() -> None:
    shown = re.findall(r"<!-- table: (\w+) -->", PAGE.read_text())
    lists = {name for name, value in TRIED if isinstance(value, tuple)}
    assert sorted(shown) == sorted(lists)


def test_trials_name_each_other_by_ids_that_exist() -> None:
    ids = [trial.id for trial in TRIED.trials]
    assert len(ids) == len(set(ids))
    named = re.compile(r"\b[BSH]\d\d?\b")
    for trial in TRIED.trials:
        assert set(named.findall(f"{trial.starts_from} {trial.settings}")) | set(trial.teachers) <= set(ids), trial.id
    assert set(named.findall(PAGE.read_text())) <= set(ids)


def test_a_changed_figure_changes_the_page() -> None:
    page = PAGE.read_text()
    changed = TRIED.model_copy(
        update={"baseline": (TRIED.baseline[0].model_copy(update={"public_test": {"accuracy": 0.999}}),)}
    )
    written = write_page(page, changed)
    assert "| 0.999 |" in written
    assert written != page


def test_an_unknown_field_or_metric_is_refused() -> None:
    document = TRIED.model_dump()
    with pytest.raises(ValidationError):
        Tried.model_validate(document | {"more": 1})
    trial = TRIED.baseline[0].model_copy(update={"validation": {"luck": 1.0}})
    with pytest.raises(KeyError):
        write_page(PAGE.read_text(), TRIED.model_copy(update={"baseline": (trial,)}))


def test_dates_and_epochs_are_possible() -> None:
    assert DATA.name in PAGE.read_text()
    for trial in TRIED.trials:
        assert "2026-11-24" <= trial.date <= datetime.now(UTC).date().isoformat()
        if trial.epochs is not None:
            assert (trial.kept_epoch or 0) <= trial.epochs <= (trial.planned_epochs or trial.epochs)
