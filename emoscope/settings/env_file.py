"""Reads the `.env` file, and reports whatever can't be read."""

from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from emoscope.settings.problems import PREFIX, InvalidSettings, Problem


def read_env_file(path: Path) -> dict[str, str | None]:
    """Return the variables of a `.env` file; none if it doesn't exist. Raises InvalidSettings.

    A malformed line is ignored if it belongs to another program, and an error if it names one of our settings.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _refuse(path, f"can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _refuse(path, "isn't UTF-8 text; save it as UTF-8") from error
    if "\0" in text:
        raise _refuse(path, "seems to be UTF-16, not UTF-8 text; save it as UTF-8")
    for line in parse_stream(StringIO(text)):
        if line.error and PREFIX in line.original.string.upper():
            raise _refuse(path, f"has a line {line.original.line} that can't be read; write NAME=value")
    return dotenv_values(stream=StringIO(text))


def _refuse(path: Path, reason: str) -> InvalidSettings:
    return InvalidSettings([Problem(f"the file {path}", reason)])
