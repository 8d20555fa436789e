"""What is wrong with the settings, as sentences that name each of them; and variables that look like settings and aren't."""

import difflib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from pydantic import ValidationError

PREFIX = "EMOSCOPE_"
_INTERNAL = (f"{PREFIX}INTERNAL_", f"{PREFIX}TEST_")
"""What processes of ours tell each other, and what tests set."""


@dataclass(frozen=True)
class Problem:
    """One fault. setting: the variable's name, or the file's. reason: what is wrong, as the end of a sentence about it."""

    setting: str
    reason: str

    def __str__(self) -> str:
        return f"{self.setting} {self.reason}"


class InvalidSettings(ValueError):
    """The settings can't be used."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))

    @classmethod
    def from_validation(cls, error: ValidationError) -> "InvalidSettings":
        """The same of what pydantic found. A check of several settings names them itself."""
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
    """A variable that begins like a setting and is none. nearest: the setting that it may mean."""

    name: str
    nearest: str | None

    def __str__(self) -> str:
        meant = f"; is {self.nearest} meant?" if self.nearest else ""
        return f"{self.name} is no setting and changes nothing{meant}"


def find_unknown(given: Mapping[str, object], known: Iterable[str]) -> list[UnknownVariable]:
    """Variables among the given that begin like a setting and are none. known: the fields of the settings."""
    names = [PREFIX + field.upper() for field in known]
    found = []
    for name in sorted(given):
        if name.upper().startswith(PREFIX) and name.upper() not in names and not name.upper().startswith(_INTERNAL):
            nearest = difflib.get_close_matches(name.upper(), names, n=1, cutoff=0.75)
            found.append(UnknownVariable(name, nearest[0] if nearest else None))
    return found


def exit_with(error: InvalidSettings) -> NoReturn:
    """End a process whose settings can't be used: a sentence for each on stderr, and status 2."""
    for problem in error.problems:
        print(f"Error: {problem}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2) from error
