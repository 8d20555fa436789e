"""The Try it page: photos dropped into it are processed like those of any application."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from api.core.authentication import get_person_caller
from api.core.services import get_services
from api.jobs.options import JobOptions
from api.jobs.submission import make_new_job
from api.photos.inputs import SentPhoto
from api.photos.uploads import read_photo
from api.web.queries import Query, read_query
from api.web.site import go, needs
from db.core.vocabulary import Detector, Role
from db.jobs.submission import list_detectors, submit_job

blueprint = Blueprint("try_it", __name__)


class TryForm(Query):
    """Options of the plain form."""

    detector: Detector | None = None


@blueprint.get("/try")
@needs(Role.REVIEWER)
def show() -> str:
    """Show the drop area. The page's script sends the photos to the API."""
    services = get_services()
    available = list_detectors(services.jobs)
    detectors = [each for each in Detector if each in available]
    return render_template("jobs/try_it.html", detectors=detectors, settings=services.settings)


@blueprint.post("/try")
@needs(Role.REVIEWER)
def submit() -> AnyResponse:
    """Accept one photo from the plain form, for browsers without scripts."""
    services = get_services()
    photo, data = read_photo(services.settings)
    sent = SentPhoto(photo, lambda: data, photo.filename)
    options = JobOptions(detector=read_query(TryForm, request.form).detector)
    caller = get_person_caller()
    submitted = submit_job(
        services.jobs, make_new_job(sent, options, caller, services.settings), data, actor=caller.actor
    )
    return go("jobs.show", job_id=submitted.id)
