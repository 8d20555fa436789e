"""Errors of settings as readable messages, and variables that are named like settings but aren't."""

import difflib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from pydantic import ValidationError

PREFIX = "EMOSCOPE_"
_INTERNAL = (f"{PREFIX}INTERNAL_", f"{PREFIX}TEST_")
"""Variables that our processes pass to each other, and those that tests set."""


@dataclass(frozen=True)
class Problem:
    """One error. setting: name of the variable or file. reason: completes a sentence about it."""

    setting: str
    reason: str

    def __str__(self) -> str:
        return f"{self.setting} {self.reason}"


class InvalidSettings(ValueError):
    """The settings are invalid."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))

    @classmethod
    def from_validation(cls, error: ValidationError) -> "InvalidSettings":
        """Convert pydantic's error. Checks that involve several settings name them themselves."""
        problems = []
        for found in error.errors(include_url=False, include_input=False):
            reason = re.sub("^(Value|Assertion) error, ", "", found["msg"])
            if found["loc"]:
                reason = re.sub("^(Input|Value|URL|String) should", "should", reason)
                problems.append(Problem(PREFIX + str(found["loc"][0]).upper(), reason))
            else:
                setting, _, rest = reason.partition(" ")
                problems.append(Problem(setting, rest))
        return cls(problems)


@dataclass(frozen=True)
class UnknownVariable:
    """A variable named like a setting that isn't one. nearest: the most similar setting."""

    name: str
    nearest: str | None

    def __str__(self) -> str:
        meant = f"; is {self.nearest} meant?" if self.nearest else ""
        return f"{self.name} is not a setting and has no effect{meant}"


def find_unknown(given: Mapping[str, object], known: Iterable[str]) -> list[UnknownVariable]:
    """Find variables that are named like a setting but aren't one. known: the fields of the settings."""
    names = [PREFIX + field.upper() for field in known]
    found = []
    for name in sorted(given):
        if name.upper().startswith(PREFIX) and name.upper() not in names and not name.upper().startswith(_INTERNAL):
            nearest = difflib.get_close_matches(name.upper(), names, n=1, cutoff=0.75)
            found.append(UnknownVariable(name, nearest[0] if nearest else None))
    return found


def exit_with(error: InvalidSettings) -> NoReturn:
    """Exit with status 2 and a message on stderr for each invalid setting."""
    for problem in error.problems:
        print(f"Error: {problem}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2) from error
