from dataclasses import fields
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from training.data.augmentation import Augmentation

READER = TypeAdapter(Augmentation)


def test_all_zeros_change_nothing_and_anything_else_does() -> None:
    assert Augmentation().is_identity
    for name in (field.name for field in fields(Augmentation)):
        value: Any = True if isinstance(getattr(Augmentation(), name), bool) else 0.5
        assert not Augmentation(**{name: value}).is_identity


@pytest.mark.parametrize("plain", [{"blur": -1}, {"noise": 256}, {"cover": 1.1}, {"dim": -0.1}, {"blurr": 1}])
def test_what_cannot_be_is_refused_when_it_is_read(plain: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        READER.validate_python(plain)
