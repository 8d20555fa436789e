"""Clients with given scopes, and versions without files."""

from apiflask import APIFlask
from flask.testing import FlaskClient

from db.accounts import api_keys
from db.core.session import Database
from db.core.vocabulary import Scope
from db.model_versions import actions as model_versions
from tests.support.manifests import make_manifest


def open_client(app: APIFlask, database: Database, *scopes: Scope) -> FlaskClient:
    with database.write() as session:
        key = api_keys.create_key(session, api_keys.ensure_application(session, "ops"), scopes)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def add_versions(database: Database, *names_: str) -> None:
    with database.write() as session:
        for name in names_:
            model_versions.add_version(session, name, name, make_manifest())
