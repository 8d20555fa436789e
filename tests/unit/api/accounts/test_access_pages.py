"""The administrators' pages: models, training runs, users, keys and audit log."""

import re

import pytest

from db.accounts import api_keys, sign_in, users
from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, Role, VoteChoice
from db.model_versions import actions as model_versions
from db.model_versions import shadow
from db.model_versions.tables import ModelVersion
from db.reviews.actions import cast_vote
from db.reviews.tables import ReviewItem
from tests.support.factories.analyses import Analyses
from tests.support.factories.faces import spread
from tests.support.factories.model_versions import add_version
from tests.support.markup import flatten
from tests.support.visitors import PASSWORD, Visitor


@pytest.fixture
def challenger(database: Database, champion: ModelVersion) -> ModelVersion:
    return add_version(database, "second")


def test_promote_and_roll_back_with_their_reasons(
    administrator: Visitor, challenger: ModelVersion, database: Database
) -> None:
    assert administrator.post("/models/2/promote", reason="")[0] == 422
    assert administrator.post("/models/2/promote", reason="better on sad") == (303, "/models/2")
    assert "in service" in administrator.get("/models/2")
    text = administrator.get("/models")
    shown = dict(re.findall(r'name="(from_version|to_version)" value="(\d+)"', flatten(text)))
    assert shown == {"from_version": "2", "to_version": "1"}
    assert administrator.post("/models/roll-back", reason="worse on happy", **shown)[0] == 303
    text = administrator.get("/models")
    assert "administrator: better on sad" in text
    assert "administrator: worse on happy" in text
    with database.read() as session:
        champion = model_versions.get_champion(session)
    assert champion is not None
    assert champion.number == 1


def test_a_form_rolls_back_once_and_only_to_the_version_that_it_names(
    administrator: Visitor, challenger: ModelVersion, database: Database
) -> None:
    administrator.post("/models/2/promote", reason="better on sad")
    named = {"from_version": 2, "to_version": 1, "reason": "worse on happy"}
    assert administrator.post("/models/roll-back", reason="worse on happy")[0] == 422
    assert administrator.post("/models/roll-back", **named)[0] == 303
    status, text = administrator.post("/models/roll-back", **named)
    assert status == 409
    assert "Version 1 is in service" in text
    with database.read() as session:
        champion = model_versions.get_champion(session)
    assert champion is not None
    assert champion.number == 1


def test_shadow_mode_is_started_seen_and_ended(
    administrator: Visitor, champion: ModelVersion, challenger: ModelVersion, database: Database, analyses: Analyses
) -> None:
    assert administrator.post("/models/1/shadow", reason="beside itself")[0] == 409
    assert administrator.post("/models/2/shadow", reason="")[0] == 422
    assert administrator.post("/models/2/shadow", reason="try it live") == (303, "/models/2")
    assert "in shadow mode" in administrator.get("/models")
    assert "classified no live face yet" in administrator.get("/models/2")
    photo = analyses.store((Emotion.SAD, 0.8), version=champion.digest)
    with database.write() as session:
        shadow.add_shadow_predictions(session, challenger.id, {photo.face_ids[0]: spread(Emotion.ANGRY, 0.9)})
    assert "classified 1 live face and" in administrator.get("/models/2")
    compared = administrator.get("/models/compare?version=1&version=2")
    assert str(photo.face_ids[0]) in compared
    assert "No labelled face of the random slice shows yet" in compared
    with database.write() as session:
        item = session.get_one(ReviewItem, photo.face_ids[0])
        item.slice, item.reserved_by = ReviewSlice.RANDOM, "ben"
        cast_vote(session, item.face_id, "ben", VoteChoice.ANGRY)
    compared = administrator.get("/models/compare?version=1&version=2")
    assert "version 1 alone was right on 0 and version 2 alone on 1, by the reviewers' labels" in compared
    assert "two-sided, p = 1.000" in compared
    assert administrator.post("/models/shadow/end") == (303, "/models/2")
    assert administrator.post("/models/shadow/end")[0] == 404


def test_two_versions_are_compared_and_no_other_number(administrator: Visitor, challenger: ModelVersion) -> None:
    assert "Version 1 against 2" in administrator.get("/models/compare?version=1&version=2")
    assert administrator.client.get("/models/compare?version=1").status_code == 422
    assert administrator.client.get("/models/compare?version=1&version=9").status_code == 404
    assert administrator.client.get("/models/99999999999").status_code == 404


def test_a_key_is_shown_once_and_can_be_revoked(administrator: Visitor, database: Database) -> None:
    assert administrator.post("/access/keys", application="shop", scope=["submit", "review"]) == (303, "/access")
    text = administrator.get("/access")
    [key] = re.findall(r'<code id="key">(emo_[\w-]+)</code>', text)
    assert key not in administrator.get("/access")
    with database.read() as session:
        stored = api_keys.find_key(session, key)
    assert stored is not None
    assert stored.scopes == ["submit", "review"]
    assert administrator.post(f"/access/keys/{stored.prefix}/revoke")[0] == 303
    with database.read() as session:
        assert api_keys.find_key(session, key) is None
    assert administrator.post("/access/keys", application="shop")[0] == 422


def test_people_are_added_changed_and_shut_out(administrator: Visitor, database: Database) -> None:
    assert administrator.post("/access/users", name="eva", password="short", role="viewer")[0] == 422
    assert administrator.post("/access/users", name="Eva", password=PASSWORD, role="viewer")[0] == 303
    assert administrator.post("/access/users/eva/role", role="reviewer")[0] == 303
    assert administrator.post("/access/users/eva/password", password=PASSWORD + "!")[0] == 303
    user = sign_in.authenticate(database, "eva", PASSWORD + "!")
    assert user.role is Role.REVIEWER
    assert administrator.post("/access/users/eva/disable")[0] == 303
    with pytest.raises(sign_in.SignInRefused):
        sign_in.authenticate(database, "eva", PASSWORD + "!")
    assert administrator.post("/access/users/eva/enable")[0] == 303
    assert sign_in.authenticate(database, "eva", PASSWORD + "!").name == "eva"
    log = administrator.get("/audit", subject="user:eva")
    for action in ("create", "change_role", "change_password", "disable", "enable"):
        assert f"<code>user.{action}</code>" in log


def test_administrators_can_not_lock_themselves_out(administrator: Visitor, database: Database) -> None:
    assert administrator.post("/access/users/administrator/disable")[0] == 409
    assert administrator.post("/access/users/administrator/role", role="viewer")[0] == 409
    with database.read() as session:
        assert users.get_user(session, "administrator").role is Role.ADMINISTRATOR


def test_notes_on_a_version_are_kept_and_an_empty_one_comes_back(
    administrator: Visitor, champion: ModelVersion, database: Database
) -> None:
    status, text = administrator.post("/models/1/notes", text=" ")
    assert status == 422
    assert "A note has 1 to 2000 characters" in text
    assert administrator.post("/models/1/notes", text="weak on <b>masks</b>") == (303, "/models/1")
    assert "weak on &lt;b&gt;masks&lt;/b&gt;" in administrator.get("/models/1")
    assert "added a note to" in administrator.get("/audit")
