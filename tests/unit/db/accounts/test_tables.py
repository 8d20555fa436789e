"""Properties of account rows."""

from db.accounts.sessions import hash_token
from db.accounts.tables import UserSession


def test_a_session_is_named_by_what_lets_nobody_in() -> None:
    session = UserSession(token_hash=hash_token("the cookie"))
    assert session.id == hash_token("the cookie").hex()
    assert hash_token(session.id) != session.token_hash
