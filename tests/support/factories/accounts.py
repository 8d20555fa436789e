"""Applications, keys, users, and clients that have them."""

from collections.abc import Iterable
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient

from db.accounts import api_keys, users
from db.accounts.tables import User
from db.core.session import Database
from db.core.vocabulary import Role, Scope
from tests.support.factories.actors import TEST


def add_application(database: Database, name: str = "shop") -> UUID:
    """Returns the id of the application, which is made if it is new."""
    with database.write() as session:
        return api_keys.ensure_application(session, name).id


def add_key(
    database: Database,
    application: str = "shop",
    scopes: Iterable[Scope] = (Scope.SUBMIT,),
    *,
    is_test: bool = False,
) -> str:
    """Returns a new key of the application, which is made if it is new."""
    with database.write() as session:
        owner = api_keys.ensure_application(session, application)
        return api_keys.create_key(session, owner, scopes, is_test=is_test)


def add_user(database: Database, name: str, role: Role, password_hash: str = "none") -> User:
    """Store a user. password_hash: as users.hash_password gives it, if somebody is to sign in."""
    with database.write() as session:
        return users.create_user(session, name, password_hash, role, actor=TEST)


def open_client_with_key(app: Flask, key: str) -> FlaskClient:
    """A client that sends this key with every request."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client
