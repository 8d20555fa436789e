from pathlib import Path

from emoscope.settings import Settings
from emoscope.settings.page import write_settings_page

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_says_what_the_settings_say() -> None:
    assert PAGE.read_text() == write_settings_page(), "run: python -m emoscope.settings.page > docs/settings.md"


def test_every_setting_has_a_meaning_and_a_row() -> None:
    page = write_settings_page()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"| `EMOSCOPE_{name.upper()}` |" in page
