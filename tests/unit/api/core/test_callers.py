"""Every route with every kind of caller. A route that is missing in ROUTES fails the test."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from api.core.sessions import COOKIE
from db.accounts import api_keys, sign_in, users
from db.core.actors import EMOSCOPE
from db.core.session import Database
from db.core.vocabulary import Role, Scope

PASSWORD = "correct horse battery"

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

KEYS = {scope.value: (scope,) for scope in Scope}
ROLES = {role.value: role for role in Role}
STRANGERS = ("nobody", "wrong key", "revoked key", "disabled", "expired")

EVERYBODY = frozenset({*STRANGERS, *KEYS, *ROLES})
ANYBODY_KNOWN = frozenset({"submit", "review", "admin", "viewer", "reviewer", "administrator"})
ADMIN = frozenset({"admin", "administrator"})
REVIEW = frozenset({"review", "reviewer", "administrator"})
PEOPLE = frozenset({"viewer", "reviewer", "administrator"})
READ_JOBS = frozenset({"submit", "admin", "viewer", "reviewer", "administrator"})
SUBMIT = frozenset({"submit", "reviewer", "administrator"})
CHANGE_JOBS = frozenset({"submit", "admin", "reviewer", "administrator"})
SEE_REVIEWS = frozenset({"review", "viewer", "reviewer", "administrator"})
ERASE_JOBS = frozenset({"submit", "admin", "administrator"})
SEE_SERVICE = frozenset({"review", "admin", "viewer", "reviewer", "administrator"})
ADMINISTRATORS = frozenset({"administrator"})
REVIEWERS = frozenset({"reviewer", "administrator"})
"""Keys by their scope, people by their role."""

ROUTES = {
    EVERYBODY: [
        "GET /",
        "GET /docs",
        "GET /docs/assets/<package_version>/<name>",
        "GET /docs/errors",
        "GET /healthz",
        "GET /metrics",
        "GET /notice",
        "GET /notice/<uuid:application_id>",
        "GET /openapi.json",
        "GET /readyz",
        "GET /sign-in",
        "GET /static/<version>/<path:filename>",
    ],
    SUBMIT: [
        "POST /v1/batches",
        "POST /v1/batches/<uuid:batch_id>/photos",
        "POST /v1/jobs",
    ],
    READ_JOBS: [
        "GET /v1/batches",
        "GET /v1/batches/<uuid:batch_id>",
        "GET /v1/batches/<uuid:batch_id>/photos",
        "GET /v1/exports",
        "GET /v1/exports/<uuid:export_id>",
        "GET /v1/exports/<uuid:export_id>/file",
        "GET /v1/exports/rows",
        "GET /v1/jobs",
        "GET /v1/jobs/<uuid:job_id>",
        "GET /v1/jobs/<uuid:job_id>/annotated",
        "GET /v1/jobs/<uuid:job_id>/events",
        "GET /v1/jobs/<uuid:job_id>/image",
    ],
    CHANGE_JOBS: [
        "POST /v1/batches/<uuid:batch_id>/cancel",
        "POST /v1/batches/<uuid:batch_id>/close",
        "POST /v1/batches/<uuid:batch_id>/retry",
        "POST /v1/exports",
        "DELETE /v1/exports/<uuid:export_id>",
        "POST /v1/jobs/<uuid:job_id>/cancel",
        "POST /v1/jobs/<uuid:job_id>/retry",
    ],
    ERASE_JOBS: [
        "DELETE /v1/batches/<uuid:batch_id>",
        "DELETE /v1/jobs/<uuid:job_id>",
        "GET /v1/webhook-deliveries",
        "GET /v1/webhook-deliveries/<uuid:delivery_id>",
        "POST /v1/webhook-deliveries/<uuid:delivery_id>/replay",
        "GET /v1/webhooks",
        "POST /v1/webhooks",
        "DELETE /v1/webhooks/<uuid:webhook_id>",
        "GET /v1/webhooks/<uuid:webhook_id>",
        "PATCH /v1/webhooks/<uuid:webhook_id>",
        "POST /v1/webhooks/<uuid:webhook_id>/pause",
        "POST /v1/webhooks/<uuid:webhook_id>/replay-failed",
        "POST /v1/webhooks/<uuid:webhook_id>/resume",
        "POST /v1/webhooks/<uuid:webhook_id>/rotate",
        "POST /v1/webhooks/<uuid:webhook_id>/test",
        "POST /v1/webhooks/callback-secret/rotate",
    ],
    ANYBODY_KNOWN: [
        "GET /v1/faces/<uuid:face_id>/crop",
        "GET /v1/model-versions",
        "GET /v1/model-versions/<int:number>",
        "GET /v1/model-versions/<int:number>/card",
        "GET /v1/model-versions/<int:number>/history",
        "GET /v1/model-versions/challenger",
        "GET /v1/model-versions/champion",
        "GET /v1/promotions",
        "GET /v1/training-runs",
        "GET /v1/training-runs/plan",
        "GET /v1/training-runs/<uuid:run_id>",
    ],
    ADMIN: [
        "GET /v1/changes",
        "GET /v1/keys",
        "POST /v1/keys",
        "GET /v1/keys/usage",
        "PUT /v1/keys/<prefix>",
        "POST /v1/keys/<prefix>/rotate",
        "DELETE /v1/keys/<prefix>",
        "PUT /v1/model-versions/challenger",
        "DELETE /v1/model-versions/challenger",
        "POST /v1/promotions",
        "POST /v1/promotions/rollback",
        "POST /v1/training-runs",
        "POST /v1/training-runs/<uuid:run_id>/cancel",
        "GET /v1/users",
        "POST /v1/users",
        "PATCH /v1/users/<name>",
    ],
    SEE_REVIEWS: [
        "GET /v1/drift",
        "GET /v1/drift/days",
        "GET /v1/model-versions/<int:first>/compare/<int:second>",
        "GET /v1/model-versions/<int:first>/compare/<int:second>/differences",
    ],
    REVIEW: [
        "GET /v1/reviews/faces/<uuid:face_id>",
        "GET /v1/reviews/labels",
        "POST /v1/reviews/next",
        "GET /v1/reviews/progress",
        "POST /v1/reviews/release",
        "GET /v1/reviews/reports",
        "GET /v1/reviews/statistics",
        "POST /v1/reviews/undo",
        "POST /v1/reviews/votes",
        "GET /v1/reviews/votes",
    ],
    SEE_SERVICE: [
        "GET /v1/dashboard",
    ],
    PEOPLE: [
        "GET /account",
        "POST /account",
        "POST /account/sessions/<session_id>/end",
        "POST /account/sessions/end-others",
        "GET /dashboard",
        "GET /drift",
        "GET /faces/<uuid:face_id>/crop.png",
        "GET /jobs",
        "GET /jobs/download",
        "GET /jobs/<uuid:job_id>",
        "GET /jobs/<uuid:job_id>/preview",
        "GET /jobs/faces/<uuid:face_id>",
        "GET /models",
        "GET /models/<int:number>",
        "GET /models/champion",
        "GET /models/compare",
        "POST /sign-out",
        "GET /training",
        "GET /training/<uuid:run_id>",
        "POST /v1/account/password",
        "GET /v1/account/sessions",
        "DELETE /v1/account/sessions/<session_id>",
        "POST /v1/account/sessions/end-others",
    ],
    REVIEWERS: [
        "POST /jobs/<uuid:job_id>/cancel",
        "POST /jobs/chosen",
        "POST /jobs/<uuid:job_id>/reports",
        "POST /jobs/<uuid:job_id>/retry",
        "GET /review",
        "GET /review/grid",
        "POST /review/grid",
        "GET /review/guidelines",
        "GET /review/progress",
        "GET /review/statistics",
        "POST /review/undo",
        "POST /review/votes",
        "GET /try",
        "POST /try",
    ],
    ADMINISTRATORS: [
        "GET /access",
        "POST /access/keys",
        "POST /access/keys/<prefix>/revoke",
        "POST /access/keys/<prefix>/rotate",
        "POST /access/users",
        "POST /access/users/<name>/disable",
        "POST /access/users/<name>/enable",
        "POST /access/users/<name>/password",
        "POST /access/users/<name>/role",
        "GET /audit",
        "POST /jobs/<uuid:job_id>/erase",
        "POST /models/<int:number>/notes",
        "POST /models/<int:number>/promote",
        "POST /models/<int:number>/shadow",
        "POST /models/roll-back",
        "GET /review/disagreements",
        "POST /review/disagreements",
        "POST /models/shadow/end",
        "POST /training",
        "GET /webhooks",
        "POST /webhooks",
        "GET /webhooks/<uuid:webhook_id>",
        "POST /webhooks/<uuid:webhook_id>/delete",
        "POST /webhooks/<uuid:webhook_id>/pause",
        "POST /webhooks/<uuid:webhook_id>/replay-failed",
        "POST /webhooks/<uuid:webhook_id>/resume",
        "POST /webhooks/<uuid:webhook_id>/rotate",
        "POST /webhooks/<uuid:webhook_id>/test",
        "POST /webhooks/deliveries/<uuid:delivery_id>/replay",
        "POST /training/<uuid:run_id>/cancel",
        "GET /v1/reviews/disagreements",
    ],
}
"""Each route under those whom it lets in."""

NOT_TOLD_APART = {"POST /sign-in"}
"""It answers a wrong password with 403, as others answer who may not come in."""

VALUES = {"uuid": "0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d", "int": "987", "path": "none", "default": "zzzz"}


@dataclass
class Caller:
    """Somebody who asks, by a key or by a session."""

    name: str
    key: str = ""
    token: str = ""
    csrf_token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, app: APIFlask, method: str, path: str) -> TestResponse:
        client: FlaskClient = app.test_client()
        headers = dict(self.headers)
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if self.token:
            client.set_cookie(COOKIE, self.token)
        if self.csrf_token:
            headers["X-CSRF-Token"] = self.csrf_token
        if method == "GET":
            return client.open(path, method=method, headers=headers)
        if path.startswith("/v1/"):
            return client.open(path, method=method, headers=headers, json={})
        return client.open(path, method=method, headers=headers, data={"csrf_token": self.csrf_token})


def list_routes(app: APIFlask) -> Iterator[tuple[str, str, str]]:
    """Name, method and an example path of each route; what an example names doesn't exist."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield f"{method} {rule.rule}", method, fill(rule)


def fill(rule: Rule) -> str:
    return re.sub(r"<(?:(\w+):)?\w+>", lambda found: VALUES[found[1] or "default"], rule.rule)


def is_let_in(response: TestResponse) -> bool:
    if response.status_code == 302:
        return not response.location.startswith("/sign-in")
    return response.status_code not in {401, 403}


@pytest.fixture
def callers(app: APIFlask, database: Database) -> list[Caller]:
    hashed = users.hash_password(PASSWORD)
    made = [Caller("nobody"), Caller("wrong key", key="emo_wrong")]
    with database.write() as session:
        application = api_keys.ensure_application(session, "shop")
        made += [Caller(name, key=api_keys.create_key(session, application, scopes)) for name, scopes in KEYS.items()]
        revoked = api_keys.create_key(session, application)
        api_keys.revoke_key(session, revoked[:12])
        made.append(Caller("revoked key", key=revoked))
        for name, role in {**ROLES, "disabled": Role.ADMINISTRATOR, "expired": Role.ADMINISTRATOR}.items():
            user = users.create_user(session, name, hashed, role, actor=EMOSCOPE)
            lifetime_s = -1 if name == "expired" else 3600
            made.append(Caller(name, token=sign_in.open_session(session, user, lifetime_s)))
    for caller in made:
        if caller.name in ROLES:
            page = caller.call(app, "GET", "/dashboard").text
            found = re.search(r'name="csrf_token" value="(\w+)"', page)
            assert found is not None
            caller.csrf_token = found[1]
    with database.write() as session:
        users.disable_user(session, "disabled", actor=EMOSCOPE)
    return made


def test_every_route_says_who_may_call_it(app: APIFlask) -> None:
    named = [route for routes in ROUTES.values() for route in routes]
    assert sorted(named) == sorted(name for name, _, _ in list_routes(app) if name not in NOT_TOLD_APART)


def test_each_route_lets_in_whom_it_should_and_nobody_else(app: APIFlask, callers: list[Caller]) -> None:
    wanted = {route: allowed for allowed, routes in ROUTES.items() for route in routes}
    wrong, count = [], 0
    # signing out comes last: the sessions are needed before
    for name, method, path in sorted(list_routes(app), key=lambda route: "sign-out" in route[0]):
        if name in NOT_TOLD_APART:
            continue
        for caller in callers:
            answer = caller.call(app, method, path)
            count += 1
            assert answer.status_code < 500 or path == "/readyz", (name, caller.name, answer.text)
            if is_let_in(answer) != (caller.name in wanted[name]):
                wrong.append((name, caller.name, answer.status_code))
    assert wrong == []
    assert count == len(callers) * len(wanted)


def test_a_session_changes_nothing_without_a_csrf_token_or_from_another_site(
    app: APIFlask, callers: list[Caller]
) -> None:
    [administrator] = [caller for caller in callers if caller.name == "administrator"]
    forged = [
        replace(administrator, csrf_token=""),
        replace(administrator, csrf_token="f" * 64),
        replace(administrator, headers={"Sec-Fetch-Site": "cross-site"}),
        replace(administrator, headers={"Origin": "https://evil.example"}),
    ]
    let_in = [
        (name, number)
        for name, method, path in list_routes(app)
        if method != "GET" and name not in NOT_TOLD_APART
        for number, caller in enumerate(forged)
        if is_let_in(caller.call(app, method, path))
    ]
    assert let_in == []
