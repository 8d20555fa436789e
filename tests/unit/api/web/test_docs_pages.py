"""The documentation pages are complete, and load nothing from other sites."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from apiflask import APIFlask

from api.core.error_codes import ERROR_KINDS

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

API_PAGE = Path(__file__).parents[4] / "docs" / "api.md"


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/errors"])
def test_a_page_loads_nothing_from_elsewhere_and_all_it_names_is_there(app: APIFlask, path: str) -> None:
    page = app.test_client().get(path)
    assert page.mimetype == "text/html"
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "style=" not in page.text
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text)
    addresses = re.findall(r'(?:href|src|apiDescriptionUrl)="([^"]+)"', page.text)
    assert addresses
    for address in addresses:
        assert address.startswith(("/", "#")), address
        if address not in {"#main", "/readyz", "/access"}:  # not ready here, and for who is signed in
            assert app.test_client().get(address.partition("#")[0], buffered=True).status_code == 200, address


def test_the_error_page_explains_every_code(app: APIFlask) -> None:
    page = app.test_client().get("/docs/errors").text
    for code in ERROR_KINDS:
        assert f'id="{code}"' in page


@pytest.mark.parametrize("name", ["../__init__.py", "elements.svg", "nothing.js"])
def test_no_other_file_can_be_reached(app: APIFlask, name: str) -> None:
    assert app.test_client().get(f"/docs/assets/9.0.29/{name}").status_code == 404


def test_browsers_keep_the_files_of_the_api_browser_until_its_version_changes(app: APIFlask) -> None:
    client = app.test_client()
    page = client.get("/docs").text
    present = version("flask-openapi-elements")
    for name in ("elements.css", "elements.js"):
        assert f'"/docs/assets/{present}/{name}"' in page
        assert "immutable" in client.get(f"/docs/assets/{present}/{name}", buffered=True).headers["Cache-Control"]
        assert client.get(f"/docs/assets/1.0/{name}", buffered=True).headers["Cache-Control"] == "no-store"


def test_the_written_documentation_names_every_route(app: APIFlask) -> None:
    written = API_PAGE.read_text()
    for path, operations in app.test_client().get("/openapi.json").get_json()["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path}`" in written, f"{method} {path}"
