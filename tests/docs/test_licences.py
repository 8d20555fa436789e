"""Every package has a known licence, and the page lists the packages that the service needs."""

import re
import tomllib
from pathlib import Path

from tests.docs.licences import find_faults, list_packages

ROOT = Path(__file__).parents[2]


def test_every_installed_package_has_a_licence_that_somebody_looked_at() -> None:
    assert find_faults(list_packages().values()) == []


def test_the_page_lists_what_the_service_needs() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[^a-z0-9-]", requirement)[0] for requirement in wanted} - {"emoscope-client"}
    page = (ROOT / "docs" / "licences.md").read_text()
    assert {name for name in names if f"| {name} |" not in page} == set()
