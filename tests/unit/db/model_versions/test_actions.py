import pytest

from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import PRETRAINED_CHAMPION
from db.model_versions import actions as model_versions
from db.model_versions.actions import ChampionChanged, NothingToRollBack
from db.model_versions.tables import ModelVersion
from tests.support.factories.actors import ANA
from tests.support.factories.model_versions import find_or_add_version, make_manifest


def put_in_service(database: Database, *names: str) -> None:
    with database.write() as session:
        for name in names:
            version = find_or_add_version(session, name)
            model_versions.promote(session, version, ANA, f"for {name}")


def champion(database: Database) -> str:
    with database.read() as session:
        version = model_versions.get_champion(session)
        assert version is not None
        return version.name


def test_rolling_back_brings_the_version_before_the_champion_into_service(database: Database) -> None:
    put_in_service(database, "a", "b")
    with database.write() as session:
        version, promotion = model_versions.roll_back(session, ANA, "b is worse")
    assert (version.name, champion(database)) == ("a", "a")
    with database.read() as session:
        moves = model_versions.list_promotions(session)
        promoted = list_audit_events(session, AuditFilter(action="model.promote"))
        rolled_back = list_audit_events(session, AuditFilter(action="model.roll_back"))
    assert (moves[0].actor, moves[0].reason) == ("ana", "b is worse")
    assert (len(moves), len(promoted), len(rolled_back), promotion.id) == (3, 2, 1, moves[0].id)


def test_rolling_back_twice_goes_back_to_where_it_was(database: Database) -> None:
    put_in_service(database, "a", "b")
    for _ in range(2):
        with database.write() as session:
            model_versions.roll_back(session, ANA, "trying")
    assert champion(database) == "b"


def test_a_rollback_that_means_other_versions_changes_nothing(database: Database) -> None:
    put_in_service(database, "a", "b", "c")  # 3 is in service, 2 was before it
    for champion_number, target in ((2, None), (None, 1), (2, 1), (3, 1)):
        with pytest.raises(ChampionChanged), database.write() as session:
            model_versions.roll_back(session, ANA, "late", champion=champion_number, target=target)
    assert champion(database) == "c"
    with database.write() as session:
        model_versions.roll_back(session, ANA, "in time", champion=3, target=2)
    assert champion(database) == "b"


def test_the_first_champion_cannot_be_rolled_back(database: Database) -> None:
    put_in_service(database, "a")
    with pytest.raises(NothingToRollBack), database.write() as session:
        model_versions.roll_back(session, ANA, "why not")
    assert champion(database) == "a"


def test_promoting_the_champion_again_changes_and_logs_nothing(database: Database) -> None:
    put_in_service(database, "a", "a")
    with database.read() as session:
        assert len(model_versions.list_promotions(session)) == 1
        assert len(list_audit_events(session, AuditFilter(action="model.promote"))) == 1


def test_each_new_version_is_logged_with_who_made_it(database: Database) -> None:
    with database.write() as session:
        model_versions.add_version(session, "a", "d" * 64, make_manifest(), actor=Actor.system("training_run:1"))
    with database.read() as session:
        [event] = list_audit_events(session, AuditFilter(action="model.register"))
    assert (event.actor, event.subject) == ("training_run:1", "model_version:1")
    assert event.details == {"name": "a", "digest": "d" * 64}


@pytest.mark.parametrize(
    ("form", "name", "expected"), [(1, "default", "small"), (1, "large", "large"), (2, "default", "default")]
)
def test_a_version_is_of_the_network_that_its_manifests_form_means(
    database: Database, form: int, name: str, expected: str
) -> None:
    with database.write() as session:
        model_versions.add_version(session, "a", "d" * 64, make_manifest(name, schema_version=form))
    with database.read() as session:
        assert model_versions.get_version(session, 1).architecture == expected


def find_unused(database: Database) -> str | None:
    with database.read() as session:
        version = model_versions.find_unused_release(session)
        return version.digest if version is not None else None


def ship(database: Database, digest: str) -> ModelVersion:
    with database.write() as session:
        manifest = make_manifest("default")
        return model_versions.add_version(session, PRETRAINED_CHAMPION, digest, manifest)


def promote(database: Database, version: ModelVersion) -> None:
    with database.write() as session:
        model_versions.promote(session, model_versions.get_version(session, version.number), ANA, "tried")


def test_a_newer_release_is_found_until_it_has_been_in_service(database: Database) -> None:
    first = ship(database, "first release")
    assert find_unused(database) is None  # nothing is in service yet
    promote(database, first)
    assert find_unused(database) is None
    second = ship(database, "second release")
    assert find_unused(database) == "second release"
    promote(database, second)
    assert find_unused(database) is None
    promote(database, first)
    assert find_unused(database) is None  # somebody saw it in service, and went back


def test_a_release_older_than_the_champion_is_no_news(database: Database) -> None:
    put_in_service(database, "a")
    ship(database, "a release")
    assert find_unused(database) == "a release"
    put_in_service(database, "retrained")
    assert find_unused(database) is None
