"""A TypeScript client generated from the document compiles strictly and uploads a photo.

Run by `make test-typescript`: it installs from npm, which takes a minute.
"""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from werkzeug.serving import make_server

from api.core.app import create_app
from api.core.services import open_services
from db.core.session import Database
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from tests.support.factories.accounts import add_key

SOURCE = Path(__file__).parent / "typescript"
pytestmark = [
    pytest.mark.skipif("TEST_TYPESCRIPT" not in os.environ, reason="installs from npm: make test-typescript"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def app(settings: Settings) -> Iterator[APIFlask]:
    services = open_services(settings)
    yield create_app(settings, services)
    services.close()


@pytest.fixture
def url(app: APIFlask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def test_a_generated_client_compiles_strictly_and_uploads_a_photo(
    app: APIFlask, url: str, database: Database, tmp_path: Path
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("there is no npm on this machine")
    folder = tmp_path / "typescript"
    shutil.copytree(SOURCE, folder)
    run(folder, "npm", "ci", "--no-audit", "--no-fund")
    (folder / "openapi.json").write_text(app.test_client().get("/openapi.json").text)
    run(folder, "npx", "--no-install", "openapi-typescript", "openapi.json", "--output", "api.d.ts")
    run(folder, "npx", "--no-install", "tsc", "--project", ".")
    key = add_key(database, "shop", is_test=True)
    (folder / "photo.jpg").write_bytes(portrait_photo("astronaut").data)
    job = json.loads(run(folder, "node", "built/upload.js", url, key, "photo.jpg"))
    assert job["status"] == "succeeded"
