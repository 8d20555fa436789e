"""Browsers keep the pages' files for good, and after an upgrade ask for the new ones, imported ones too."""

import re
from pathlib import Path

import pytest
from flask import Flask, url_for

from api.web.static_files import FOLDER, find_version, register_static_files

FOR_GOOD = "public, max-age=31536000, immutable"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/main.js").write_text('import "./part.js";')
    (tmp_path / "pages/part.js").write_text("1;")
    return tmp_path


@pytest.fixture
def site(folder: Path) -> Flask:
    app = Flask("site", static_folder=None)
    register_static_files(app, folder)
    return app


def find_address(site: Flask, name: str) -> str:
    with site.test_request_context():
        return url_for("static", filename=f"pages/{name}")


def test_a_file_is_kept_for_good_at_its_address(site: Flask) -> None:
    response = site.test_client().get(find_address(site, "main.js"), buffered=True)
    assert (response.status_code, response.mimetype) == (200, "text/javascript")
    assert response.headers["Cache-Control"] == FOR_GOOD


def test_a_change_of_an_imported_file_changes_the_address_of_the_script_that_imports_it(
    site: Flask, folder: Path
) -> None:
    before, imported_before = find_address(site, "main.js"), find_address(site, "part.js")
    (folder / "pages/part.js").write_text("2;")
    after = find_address(site, "main.js")
    assert after != before
    assert after.rpartition("/")[0] == find_address(site, "part.js").rpartition("/")[0]
    client = site.test_client()
    assert client.get(find_address(site, "part.js"), buffered=True).text == "2;"
    late = client.get(imported_before, buffered=True)  # from a page that was drawn before
    assert (late.text, late.headers["Cache-Control"]) == ("2;", "no-store")


@pytest.mark.parametrize("content", ["2;", "1;\n"])
def test_the_version_follows_content_and_names_and_not_times(folder: Path, content: str) -> None:
    path, version = folder / "pages/part.js", find_version(folder)
    path.touch()
    assert find_version(folder) == version
    path.write_text(content)
    assert find_version(folder) != version
    path.write_text("1;")
    assert find_version(folder) == version
    path.rename(folder / "pages/other.js")
    assert find_version(folder) != version


@pytest.mark.parametrize("path", ["/static/0/nothing.js", "/static/0/../static_files.py", "/static/pages/main.js"])
def test_nothing_else_is_served(site: Flask, path: str) -> None:
    assert site.test_client().get(path).status_code == 404


def test_what_scripts_import_lies_beside_them() -> None:
    imports = [
        (path.name, name)
        for path in FOLDER.rglob("*.js")
        for name in re.findall(r'^import (?:.* from )?"([^"]+)";$', path.read_text(), re.MULTILINE)
    ]
    assert len(imports) > 20
    for script, name in imports:
        assert re.fullmatch(r"\./\w+\.js", name), f"{script} imports {name}, which has no version in its address"
        assert (FOLDER / "pages" / name).is_file(), f"{script} imports {name}"


def test_the_shared_helper_is_the_only_one_that_sends_requests() -> None:
    for path in FOLDER.rglob("*.js"):
        if path.name != "http.js":
            assert "fetch(" not in path.read_text(), path.name
            assert "XMLHttpRequest" not in path.read_text(), path.name
