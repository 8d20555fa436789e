"""Parses cron expressions: minute, hour, day, month, weekday.

Celery parses them too, but only when a worker starts, with errors that name no setting, and without 7 for Sunday. Also, code that
reads the settings doesn't import Celery.
"""

import re
from dataclasses import dataclass

_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", re.ASCII)
_DAYS_OF_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class InvalidSchedule(ValueError):
    """The schedule is invalid. The message completes a sentence about the setting."""


@dataclass(frozen=True)
class _Field:
    name: str
    first: int
    last: int
    highest: int
    """The highest number allowed: 7 for weekdays, which means Sunday again."""
    words: tuple[str, ...] = ()

    def expand(self, text: str) -> list[int]:
        """Return the numbers that a field stands for. Raises InvalidSchedule."""
        return [number for part in text.split(",") for number in self._expand_part(part, text)]

    def _expand_part(self, part: str, text: str) -> list[int]:
        found = _PART.fullmatch(part)
        start, end, step = found.groups() if found else ("", None, None)
        is_single = start is not None and end is None
        if found is None or (step is not None and (is_single or int(step) == 0)):
            raise self._refuse(text)
        if start is None:
            numbers = list(range(self.first, self.last + 1))
        else:
            low = self._read(start, text)
            high = low if end is None else self._read(end, text)
            over_the_end = [*range(low, self.last + 1), *range(self.first, high + 1)]  # for example Friday to Monday
            numbers = list(range(low, high + 1)) if low <= high else over_the_end
        return numbers[:: int(step or 1)]

    def _read(self, written: str, text: str) -> int:
        if written.isdecimal() and self.first <= int(written) <= self.highest:
            return int(written)
        for number, word in enumerate(self.words, self.first):
            if len(written) >= 3 and word.startswith(written.lower()):
                return number
        raise self._refuse(text)

    def _refuse(self, text: str) -> InvalidSchedule:
        return InvalidSchedule(
            f"has the {self.name} {text!r}, where it takes {self.first} to {self.highest}, as 5, 1-5, *, */2 or 1-5/2, or several "
            "joined by commas"
        )


_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_FIELDS = (
    _Field("minute", 0, 59, 59),
    _Field("hour", 0, 23, 23),
    _Field("day", 1, 31, 31),
    _Field("month", 1, 12, 12, _MONTHS),
    _Field("weekday", 0, 6, 7, _WEEKDAYS),
)


def normalize_schedule(schedule: str) -> str:
    """Return the schedule in Celery's form: one space between fields, weekdays as numbers, Sunday as 0. Raises InvalidSchedule."""
    texts = schedule.split()
    if len(texts) != len(_FIELDS):
        raise InvalidSchedule("must have five fields: minute, hour, day, month, weekday")
    numbers = [field.expand(text) for field, text in zip(_FIELDS, texts, strict=True)]
    *_, days, months, weekdays = numbers
    if min(days) > max(_DAYS_OF_MONTHS[month - 1] for month in months):
        raise InvalidSchedule("never comes: none of its months has the day")
    if texts[-1] != "*":
        texts[-1] = ",".join(str(day) for day in sorted({day % 7 for day in weekdays}))
    return " ".join(texts)
