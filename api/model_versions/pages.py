"""Pages of model versions: the list, one version, comparison, promotion, rollback and shadow mode."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from markdown_it import MarkdownIt
from markupsafe import Markup
from pydantic import Field
from werkzeug.wrappers import Response as AnyResponse

from api.core.fields import LARGEST_NUMBER
from api.core.services import get_services
from api.model_versions.assessment_view import choose_versions, describe_assessment, draw_versions, name_dataset
from api.model_versions.file_routes import CARD, read_model_file
from api.model_versions.metric_charts import (
    Metrics,
    draw_classes,
    draw_reliability,
    list_metrics,
    pair_metrics,
)
from api.model_versions.routes import find_model_version
from api.training_runs.curves import draw_curves
from api.web.forms import FieldRefused, refills, refills_search
from api.web.queries import Query, read_number, read_query
from api.web.site import get_person, go, needs
from db import tables
from db.core.blobs import BlobDamaged, BlobStoreUnavailable
from db.core.vocabulary import Role
from db.model_versions import actions as model_versions
from db.model_versions import comparison, shadow
from db.model_versions.history import TrainingHistory
from db.model_versions.notes import InvalidNote, add_note, list_notes
from db.model_versions.records import HISTORY_FILE
from db.model_versions.shadow_comparison import compare_live, count_shadow_predictions
from db.monitoring import heartbeats
from db.reviews.result_views import list_hidden

blueprint = Blueprint("models", __name__, url_prefix="/models")

_MOST_DIFFERENCES = 24

_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Row:
    """A version in the list. figures: metrics on the split by which versions are compared."""

    version: tables.ModelVersion
    figures: dict[str, Metrics]
    ms_a_face: float | None


class VersionsSearch(Query):
    """The two versions to assess. Default: the version in service and its predecessor."""

    old: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)
    new: int | None = Field(default=None, ge=0, le=LARGEST_NUMBER)


@blueprint.get("")
@needs(Role.VIEWER)
@refills_search
def show_list() -> str:
    """Show the assessment, all versions, the history of promotions, and the version that each worker uses."""
    services, search = get_services(), read_query(VersionsSearch, request.args)
    with services.database.read() as session:
        champion = model_versions.get_champion(session)
        challenger = model_versions.get_challenger(session)
        unused = model_versions.find_unused_release(session)
        versions = model_versions.list_versions(session)
        history = model_versions.list_promotions(session)
        live = heartbeats.list_live_workers(session, services.settings.worker_heartbeat_s)
        pair = choose_versions(versions, history, search.old, search.new)
        shown = describe_assessment(session, pair) if pair else None
        chart = draw_versions(session, versions) if versions else None
    return render_template(
        "model_versions/list.html",
        rows=[_describe(version) for version in versions],
        champion=champion,
        challenger=challenger,
        unused=unused,
        history=history,
        numbers={version.id: version.number for version in versions},
        workers=live,
        shown=shown,
        chart=chart,
        name_dataset=name_dataset,
    )


@blueprint.get("/<int:number>")
@needs(Role.VIEWER)
def show(number: int) -> str:
    """Show one version: metrics, charts, lineage, model card."""
    with get_services().database.read() as session:
        version = find_model_version(session, number)
        champion, challenger = model_versions.get_champion(session), model_versions.get_challenger(session)
        beside = count_shadow_predictions(session, champion.id, version.id) if champion else None
        parent = _find_parent(session, version)
        notes = list_notes(session, version)
    history = _read_file(version, HISTORY_FILE)
    card = _read_file(version, CARD)
    shown = list_metrics(version.document)
    return render_template(
        "model_versions/version.html",
        version=version,
        champion=champion,
        challenger=challenger,
        beside=beside,
        parent=parent,
        notes=notes,
        figures=shown,
        charts=[(figures, draw_classes(figures), draw_reliability(figures)) for figures in shown],
        curves=draw_curves(TrainingHistory.read(history).epochs) if history else (),
        card=_render_card(card.decode()) if card else None,
        speed=version.document.metrics.get("speed"),
    )


@blueprint.get("/compare")
@needs(Role.VIEWER)
def compare() -> str | AnyResponse:
    """Show two versions side by side, and the faces that they classified differently."""
    asked = {read_number(given) for given in request.args.getlist("version")}
    numbers = sorted(number for number in asked if number is not None)
    if len(numbers) != 2 or None in asked:
        abort(422, "Choose two versions to compare.")
    with get_services().database.read() as session:
        first, second = (find_model_version(session, number) for number in numbers)
        live = compare_live(session, first, second, limit=_MOST_DIFFERENCES)
        reviewed = comparison.compare_answers(session, first.number, second.number, limit=_MOST_DIFFERENCES)
        differing = [each.face_id for found in (live, reviewed) for each in found.differences]
        hidden = list_hidden(session, differing)
    return render_template(
        "model_versions/compare.html",
        first=_describe(first),
        second=_describe(second),
        figures=pair_metrics(first.document, second.document),
        live=live,
        reviewed=reviewed,
        hidden=hidden,
    )


@blueprint.post("/<int:number>/promote")
@needs(Role.ADMINISTRATOR)
@refills(show, "promote")
def promote(number: int) -> AnyResponse:
    """Promote a version."""
    actor = get_person().actor
    with get_services().database.write() as session:
        model_versions.promote(session, find_model_version(session, number), actor, _read_reason())
    return go("models.show", number=number, done="promoted")


@blueprint.post("/<int:number>/notes")
@needs(Role.ADMINISTRATOR)
@refills(show, "note", text=InvalidNote)
def write_note(number: int) -> AnyResponse:
    """Save a note on a version."""
    with get_services().database.write() as session:
        add_note(session, find_model_version(session, number), request.form.get("text", ""), get_person().actor)
    return go("models.show", number=number, done="noted")


@blueprint.post("/roll-back")
@needs(Role.ADMINISTRATOR)
@refills(show_list, "roll-back")
def roll_back() -> AnyResponse:
    """Roll back to the version given in the form, or to none."""
    champion, target = (read_number(request.form.get(name, "")) for name in ("from_version", "to_version"))
    if champion is None or target is None:
        abort(422, "The form names no version. Open the page again.")
    with get_services().database.write() as session:
        model_versions.roll_back(session, get_person().actor, _read_reason(), champion=champion, target=target)
    return go("models.show_list", done="rolled_back")


@blueprint.post("/<int:number>/shadow")
@needs(Role.ADMINISTRATOR)
@refills(show, "shadow")
def start_shadow(number: int) -> AnyResponse:
    """Start shadow mode of a version."""
    with get_services().database.write() as session:
        shadow.start_shadow(session, find_model_version(session, number), get_person().actor, _read_reason())
    return go("models.show", number=number, done="shadow_started")


@blueprint.post("/shadow/end")
@needs(Role.ADMINISTRATOR)
def end_shadow() -> AnyResponse:
    """End shadow mode."""
    with get_services().database.write() as session:
        version = shadow.stop_shadow(session, get_person().actor)
    return go("models.show", number=version.number, done="shadow_ended")


@blueprint.get("/champion")
@needs(Role.VIEWER)
def show_champion() -> AnyResponse:
    """Redirect to the version in service."""
    with get_services().database.read() as session:
        champion = model_versions.get_champion(session)
    if champion is None:
        abort(404, "No version is in service yet.")
    return redirect(url_for(".show", number=champion.number))


def _describe(version: tables.ModelVersion) -> Row:
    manifest = version.document
    figures, speed = {found.truth: found for found in list_metrics(manifest)}, manifest.metrics.get("speed")
    return Row(version, figures, speed["ms_a_face"] if speed else None)


def _find_parent(session: Any, version: tables.ModelVersion) -> tables.ModelVersion | None:
    """Return the version whose weights this one started from, found by the digest of its Keras file."""
    sha256 = version.document.lineage.parent
    if not sha256:
        return None
    for other in model_versions.list_versions(session):
        if other.document.keras_sha256 == sha256:
            return other
    return None


def _read_file(version: tables.ModelVersion, name: str) -> bytes | None:
    """Read a file of the version; None if it has no such file or the store is unavailable."""
    try:
        return read_model_file(version, name)
    except (BlobDamaged, BlobStoreUnavailable):
        return None


def _render_card(card: str) -> Markup:
    """Render a model card as HTML. Empty table headers become plain cells, because screen readers would announce them as
    headers.
    """
    html = _markdown.render(_without_title(card)).replace("<th></th>", "<td></td>")
    return Markup(html)  # noqa: S704  # HTML in it is escaped


def _without_title(card: str) -> str:
    """Return the card without its first heading: the page has one."""
    return card.partition("\n")[2] if card.startswith("# ") else card


def _read_reason() -> str:
    reason = request.form.get("reason", "").strip()
    if not 3 <= len(reason) <= 500:
        raise FieldRefused("reason", "Give a reason of 3 to 500 characters. It is kept in the history.")
    return reason
