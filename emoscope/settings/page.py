"""Generates docs/settings.md from the settings: `python -m emoscope.settings.page > docs/settings.md`."""

import re
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from emoscope.settings import Settings

_INTRODUCTION = """\
# Settings

Every process reads its settings once, at its start, from environment variables or from a `.env` file in the folder where it
is started. Without any, `emoscope up` runs on one machine. This page is generated from `emoscope/settings/fields.py`.
"""


def write_settings_page() -> str:
    """Return the page as Markdown, with one table per group of settings in the file."""
    source = (Path(__file__).parent / "fields.py").read_text()
    lines = [_INTRODUCTION]
    for line in source.splitlines():
        if heading := re.fullmatch(r"    # ([A-Z].*)", line):
            lines += [f"\n## {heading[1]}\n", "| setting | default | meaning |", "| --- | --- | --- |"]
        elif (field := re.match(r"    (\w+): .*= Field\(", line)) and field[1] in Settings.model_fields:
            info = Settings.model_fields[field[1]]
            lines.append(f"| `EMOSCOPE_{field[1].upper()}` | {_show_default(info)} | {info.description} |")
    return "\n".join(lines) + "\n"


def _show_default(info: FieldInfo) -> str:
    if info.default_factory is not None:
        return "the user's data folder"
    value = info.default.get_secret_value() if isinstance(info.default, SecretStr) else info.default
    return f"`{value}`" if value not in ("", None) else "empty"


if __name__ == "__main__":
    print(write_settings_page(), end="")  # noqa: T201
