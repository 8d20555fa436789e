"""The audit log in words: what was done, and a link to what it was done to."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import url_for

from db.accounts.tables import AuditEvent

_DIGEST_SHOWN = 12
"""Characters of a digest that are shown; enough to tell digests apart."""

_SENTENCES: Mapping[str, str] = {
    "user.sign_in": "signed in",
    "user.sign_in_failed": "failed to sign in",
    "user.wrong_password": "entered a wrong current password",
    "user.lock": "must wait before the next sign-in, after too many wrong passwords",
    "user.create": "added the user",
    "user.change_password": "set the password of",
    "user.change_role": "changed the role of",
    "user.disable": "disabled",
    "user.enable": "enabled",
    "key.create": "created the key",
    "key.widen": "added scopes to the key",
    "key.change": "changed the terms of the key",
    "key.rotate": "replaced the key",
    "key.revoke": "revoked the key",
    "application.declare_purpose": "declared the purpose of",
    "callback_secret.rotate": "replaced the callback secret of",
    "webhook.create": "added",
    "webhook.change": "changed",
    "webhook.rotate": "replaced the secret of",
    "webhook.pause": "paused",
    "webhook.resume": "resumed",
    "webhook.stop": "paused, as it keeps failing,",
    "webhook.test": "sent a test event to",
    "webhook.replay": "sent an event again to",
    "webhook.replay_failed": "sent all failed events again to",
    "webhook.delete": "deleted",
    "model.register": "registered",
    "model.promote": "promoted",
    "model.roll_back": "rolled back to",
    "model.shadow": "started shadow mode of",
    "model.shadow_end": "ended shadow mode of",
    "model.note": "added a note to",
    "face.report": "reported a face of",
    "review.undo": "undid votes of",
    "job.retry": "submitted the photo again of",
    "job.cancel": "canceled",
    "job.erase": "erased",
    "batch.cancel": "canceled",
    "batch.retry": "submitted the failed photos again of",
    "batch.erase": "erased",
    "export.create": "created",
    "export.delete": "deleted",
    "training_run.queued": "started",
    "training_run.running": "began to run",
    "training_run.promoted": "ended with a promotion:",
    "training_run.rejected": "ended without a promotion:",
    "training_run.failed": "failed in",
    "training_run.canceled": "canceled",
    "training_run.cancel": "asked to stop",
}
"""What stands between the actor and the subject."""

_ABOUT_THEMSELVES = frozenset({"user.sign_in", "user.sign_in_failed", "user.wrong_password", "user.lock"})
"""Actions whose subject is also the actor, so only the subject is named."""

_ID_SHOWN = 13
"""Characters of an id that hold its creation time; enough to tell the rows of a page apart."""

_KINDS = {"model_version": "version", "training_run": "training run", "reviewer": "reviewer"}


def list_actions() -> tuple[tuple[str, str], ...]:
    """List every action with its words, for a select field."""
    return tuple((action, words.rstrip(":")) for action, words in _SENTENCES.items())


def describe_action(event: AuditEvent) -> str:
    """Describe an action in words that follow the actor's name."""
    return _SENTENCES.get(event.action, event.action.replace(".", ": ").replace("_", " "))


def is_about_themselves(event: AuditEvent) -> bool:
    """Return whether the subject is the actor."""
    return event.action in _ABOUT_THEMSELVES


def name_subject(event: AuditEvent) -> str:
    """Name the subject as users write it."""
    kind, _, name = event.subject.partition(":")
    if kind in {"user", "key"}:
        return name
    if _is_id(name):
        name = f"{name[:_ID_SHOWN]}…"
    return f"{_KINDS.get(kind, kind)} {name}"


def link_subject(event: AuditEvent) -> str | None:
    """Return the URL of the subject's page, or None if it has none or was deleted."""
    kind, _, name = event.subject.partition(":")
    if kind == "model_version" and name.isdecimal():
        return url_for("pages.models.show", number=int(name))
    if kind == "training_run" and _is_id(name):
        return url_for("pages.training.show", run_id=name)
    if kind == "webhook" and _is_id(name) and event.action != "webhook.delete":
        return url_for("pages.webhooks.show_one", webhook_id=name)
    if kind == "job" and _is_id(name) and event.action != "job.erase":
        return url_for("pages.jobs.show", job_id=name)
    if kind in {"user", "key"}:
        return url_for("pages.access.show")
    return None


def list_particulars(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List details as pairs of name and value, without empty ones."""
    shown = []
    for name, value in details.items():
        if value is None or value == "":
            continue
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if name.endswith(("digest", "sha256")):
            text = f"{text[:_DIGEST_SHOWN]}…"
        shown.append((name.replace("_", " "), text))
    return shown


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
