"""How long the server works for every page with a million faces stored, from request to answer, in milliseconds.

`python -m bench.review_page [--faces 1000000] [--database URL] [--results FILE]` fills an empty database (SQLite in a temporary
folder unless one is named; one that is filled already stays as it is), which takes minutes, and asks the application itself for the
page of reviews, for the answer to a vote with the next card, and for every other page. bench/review_queue.py says how to start
PostgreSQL.
"""

import argparse
import json
import re
import tempfile
from functools import partial
from pathlib import Path
from uuid import uuid4

from flask.testing import FlaskClient

from api.core.app import create_app
from api.core.sessions import COOKIE
from bench.machine import describe_machine
from bench.review_queue import measure
from bench.review_rows import fill
from db.accounts import api_keys, sign_in, users
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import Role
from db.jobs import queries as job_queries
from emoscope.settings import Settings

_TRIES = 100
_PAGE_TRIES = 20


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--database", default="", help="URL of a database")
    parser.add_argument("--results", type=Path, help="a JSON file to write what was found to, with the machine")
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
        client = create_app(settings).test_client()
        csrf_token = _sign_in(database, client, settings.session_lifetime_s)
        figures = {"review page": measure(partial(_get, client, "/review"), _TRIES)}
        figures["vote, with the next card"] = measure(_Voter(client, csrf_token).vote, _TRIES)
        for name, path in _list_pages(database).items():
            _get(client, path)  # templates are compiled once, and SQLite reads its file once
            figures[name] = measure(partial(_get, client, path), _PAGE_TRIES)
        kind = database.engine.dialect.name
        found = {"database": kind, "faces": arguments.faces, "milliseconds": figures}
        print(json.dumps(found, indent=2))
        if arguments.results:
            arguments.results.write_text(f"{json.dumps({'machine': describe_machine(), **found}, indent=1)}\n")
        database.close()


def _list_pages(database: Database) -> dict[str, str]:
    """Every page: what it is called, and its address."""
    with database.read() as session:
        jobs = job_queries.list_jobs(session, job_queries.JobFilter(), limit=1)
        application_id = api_keys.list_applications(session)[0].id
    same = (
        "/ /docs /docs/errors /notice /dashboard /dashboard?hours=720 /jobs /jobs?status=failed /jobs?emotion=disgusted "
        "/jobs?q=photo /jobs?sort=longest /jobs?sort=oldest /jobs?since=2020-01-01 /review/statistics /review/grid "
        "/review/disagreements /review/guidelines /review/progress /models?new=2&old=1 /models/1 "
        "/models/compare?version=1&version=2 /training /drift /try /access /webhooks "
        "/audit /audit?action=user.create /account /metrics"
    )
    return {path: path for path in same.split()} | {
        "a job": f"/jobs/{jobs[0].id}",
        "/jobs of an application": f"/jobs?application={application_id}",
        "/review of an application": f"/review?application={application_id}",
    }


class _Voter:
    """Votes as the page's script does, with the cards on screen."""

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
    assert response.status_code == 200, response.text
    return response.text


def _list_cards(text: str) -> list[str]:
    return re.findall(r'data-face="([0-9a-f-]+)"', text)


def _sign_in(database: Database, client: FlaskClient, lifetime_s: float) -> str:
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
