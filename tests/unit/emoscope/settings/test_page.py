"""The page of settings is up to date."""

from emoscope.settings import Settings
from emoscope.settings.page import write_settings_page


def test_each_setting_has_one_row_with_its_default_and_meaning() -> None:
    rows = [line.split(" | ") for line in write_settings_page().splitlines() if line.startswith("| `EMOSCOPE_")]
    names = [row[0].strip("| `") for row in rows]
    assert sorted(names) == sorted(f"EMOSCOPE_{name.upper()}" for name in Settings.model_fields)
    shown = {row[0].strip("| `"): row[1] for row in rows}
    assert shown["EMOSCOPE_PORT"] == f"`{Settings.model_fields['port'].default}`"
    assert shown["EMOSCOPE_DATA_DIR"] == "the user's data folder"
    assert shown["EMOSCOPE_DATABASE_URL"] == "empty"
    assert all(len(row[-1].strip("| ")) > 5 for row in rows)
