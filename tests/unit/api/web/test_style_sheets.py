"""Style sheets have nothing that no page uses, and use nothing that isn't defined."""

import re
from pathlib import Path

from api.web.emotion_colours import write_style_sheet
from api.web.static_files import FOLDER
from db.core.vocabulary import EMOTIONS

API = Path(__file__).parents[4] / "api"
SHEETS = {path.name: path.read_text() for path in sorted((FOLDER / "pages").glob("*.css"))}
OWN = {name: text for name, text in SHEETS.items() if name != "docs.css"}  # it corrects another program's page
SOURCES = [path for end in ("html", "js", "py") for path in API.rglob(f"*.{end}")]
USERS = "\n".join(path.read_text() for path in [*SOURCES, API.parent / "db/core/vocabulary.py"])


def list_selectors(sheet: str) -> str:
    """All selectors of a formatted sheet, without its comments and declarations."""
    without_comments = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    return "\n".join(re.findall(r"^\s*([^@{};]*?[,{])$", without_comments, flags=re.MULTILINE))


def list_unused(sheet: str, kind: str, users: str) -> set[str]:
    """Classes (`.`) or ids (`#`) of a sheet's selectors that occur nowhere as a word."""
    names = set(re.findall(rf"\{kind}([a-z][\w-]*)", list_selectors(sheet)))
    return {name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", users)}


def test_every_class_and_id_is_on_some_page() -> None:
    shades = [f"shade-{number}" for number in range(11)]  # a template writes the number
    users = " ".join([USERS, *shades])
    for name, sheet in OWN.items():
        assert list_unused(sheet, ".", users) == set(), name
        assert list_unused(sheet, "#", users) == set(), name


def test_every_custom_property_is_defined_and_used() -> None:
    everything = "\n".join([*SHEETS.values(), write_style_sheet()])
    defined = set(re.findall(r"^\s*(--[\w-]+):", everything, re.MULTILINE))
    used = set(re.findall(r"var\((--[\w-]+)", everything))
    assert used - defined == set()
    assert defined - used - {f"--{emotion}" for emotion in EMOTIONS} == set()


def test_what_is_unused_is_found() -> None:
    sheet = "/* .a {\n} */\n.used,\n.unused:is(.b) > #here {\n  width: calc(1.5rem);\n}\n@media (x) {\n  .c {\n  }\n}\n"
    assert list_unused(sheet, ".", "used c-d b") == {"unused", "c"}
    assert list_unused(sheet, "#", "used") == {"here"}


def test_a_page_loads_every_sheet() -> None:
    layout = (API / "templates/web/layout.html").read_text()
    assert [name for name in OWN if f'"{name.removesuffix(".css")}"' not in layout] == []
