from db.accounts import api_keys, key_use
from db.core.session import Database


def test_the_first_use_of_a_key_is_recorded_and_those_right_after_it_are_not(database: Database) -> None:
    with database.write() as session:
        key = api_keys.create_key(session, api_keys.ensure_application(session, "a"))
    for is_recorded in (False, True):
        with database.look_up() as connection:
            caller = key_use.find_caller_key(connection, key)
        assert caller is not None
        assert key_use.is_use_recorded(caller) is is_recorded
        with database.write() as session:
            key_use.record_use(session, caller.id)
