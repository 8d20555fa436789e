"""Measures the server's milliseconds for every page with a million faces stored, from request to response.

`python -m bench.pages [--faces 1000000] [--database URL] [--results FILE] [--only TEXT]` fills an empty database (SQLite in a
temporary folder by default; a filled one is used unchanged), which takes minutes. Then it requests the review page, a vote with
the next card, and every page with each filter and each pair of filters: bench/page_paths.py lists them. bench/review_queue.py
says how to start PostgreSQL.

Each is requested twice, and those that take more than half of the limit 20 times. Prints all pages without a filter, and the
slowest with filters. Exits with status 1 if a page exceeds the limit: on SQLite, which runs in this process, by median processor
time; on PostgreSQL by the least wall-clock time, which other load affects least.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

from flask.testing import FlaskClient

from api.core.app import create_app
from api.core.sessions import COOKIE
from bench.machine import describe_machine
from bench.page_paths import list_paths
from bench.page_rows import fill_pages
from bench.review_queue import measure
from bench.review_rows import fill
from db.accounts import sign_in, users
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import Role
from emoscope.settings import Settings

LIMIT_MS = 100
"""What every page keeps to with a million faces."""
_TRIES, _PAGE_TRIES, _FIRST_TRIES = 100, 20, 2
_SHOWN_FILTERS = 40

Figures = dict[str, dict[str, float]]
Rate = Callable[[dict[str, float]], float]


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--database", default="", help="URL of a database")
    parser.add_argument("--results", type=Path, help="a JSON file to write what was found to, with the machine")
    parser.add_argument("--only", default="", help="only addresses that this text is in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given = {
            "data_dir": Path(folder),
            "log_level": "ERROR",
            "access_log": False,
            "database_url": arguments.database,
        }
        settings = Settings.model_validate(given)
        database = Database(settings.effective_database_url)
        fill(database, arguments.faces)
        fill_pages(database)
        app = create_app(settings)
        client = app.test_client()
        csrf_token = sign_in_client(database, client, settings.session_lifetime_s)
        with database.read() as session:
            paths = [path for path in list_paths(app, session) if arguments.only in path]
        rate = _rate_by_processor if database.is_sqlite else _rate_by_clock
        figures = _measure_pages(client, paths, rate)
        if not arguments.only:
            figures["vote, with the next card"] = measure(_Voter(client, csrf_token).vote, _TRIES)
        found = {
            "database": database.engine.dialect.name,
            "faces": arguments.faces,
            "addresses": len(paths),
            "milliseconds": _choose(figures, rate),
        }
        database.close()
    print(json.dumps(found, indent=2))
    if arguments.results:
        arguments.results.write_text(f"{json.dumps({'machine': describe_machine(), **found}, indent=1)}\n")
    if slow := [path for path, each in figures.items() if rate(each) > LIMIT_MS]:
        sys.exit(f"over {LIMIT_MS} ms: {', '.join(slow)}")


def _measure_pages(client: FlaskClient, paths: list[str], rate: Rate) -> Figures:
    figures = {}
    for path in paths:
        ask = partial(_get, client, path)
        if "?" not in path:
            ask()  # templates are compiled once, and SQLite reads its file once
        figures[path] = measure(ask, _FIRST_TRIES)
        if "?" not in path or rate(figures[path]) > LIMIT_MS / 2:
            figures[path] = measure(ask, _PAGE_TRIES)
            print(f"{rate(figures[path]):8.1f} ms  {path}", file=sys.stderr, flush=True)
    return figures


def _rate_by_processor(figures: dict[str, float]) -> float:
    return figures["processor"]


def _rate_by_clock(figures: dict[str, float]) -> float:
    return figures["least"]


def _choose(figures: Figures, rate: Rate) -> Figures:
    """Return all pages without a filter, and the slowest of those with one, slowest first."""
    plain = {path: each for path, each in figures.items() if "?" not in path}
    rest = {path: each for path, each in figures.items() if path not in plain}
    slowest = sorted(rest, key=lambda path: -rate(rest[path]))[:_SHOWN_FILTERS]
    return plain | {path: rest[path] for path in slowest}


class _Voter:
    """Votes like the page's script, with the cards on screen."""

    def __init__(self, client: FlaskClient, csrf_token: str) -> None:
        self._client, self._proof = client, csrf_token
        self._cards = _list_cards(_get(client, "/review"))

    def vote(self) -> str:
        first, *self._cards = self._cards
        fields = {"csrf_token": self._proof, "face_id": first, "choice": "happy", "shown": self._cards}
        text = self._client.post("/review/votes", data={**fields, "fragment": "yes"}).text
        self._cards += _list_cards(text)
        return text


def _get(client: FlaskClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code in {200, 302}, f"{path}: {response.status_code}"
    return response.text if response.mimetype == "text/html" else ""


def _list_cards(text: str) -> list[str]:
    return re.findall(r'data-face="([0-9a-f-]+)"', text)


def sign_in_client(database: Database, client: FlaskClient, lifetime_s: float) -> str:
    """Sign a new administrator in. Returns the CSRF token of the pages' forms."""
    with database.write() as session:
        user = users.create_user(
            session,
            f"bench-{uuid4()}",
            users.hash_password("correct horse battery"),
            Role.ADMINISTRATOR,
            Actor.system("bench"),
        )
        client.set_cookie(COOKIE, sign_in.open_session(session, user, lifetime_s))
    found = re.search(r'name="csrf_token" value="(\w+)"', _get(client, "/models"))
    assert found is not None
    return found[1]


if __name__ == "__main__":
    main()
