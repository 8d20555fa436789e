"""Try it: photos dropped into the page go through the service as those of any application do."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from api.core.authentication import get_person_caller
from api.core.services import get_services
from api.jobs.options import JobOptions
from api.jobs.submission import submit_photo
from api.photos.uploads import read_photo
from api.web.site import go, needs
from db.core.vocabulary import Detector, Role

blueprint = Blueprint("try_it", __name__)


@blueprint.get("/try")
@needs(Role.REVIEWER)
def show() -> str:
    """The place to drop photos. The page's script sends them to the API."""
    return render_template("jobs/try_it.html", detectors=tuple(Detector), settings=get_services().settings)


@blueprint.post("/try")
@needs(Role.REVIEWER)
def submit() -> AnyResponse:
    """Take one photo from the plain form, where no script runs."""
    services = get_services()
    photo, data = read_photo(services.settings)
    detector = request.form.get("detector") or None
    options = JobOptions(detector=Detector(detector) if detector in tuple(Detector) else None)
    job_id, _ = submit_photo(services, get_person_caller(), photo, data, options, None)
    return go("jobs.show", job_id=job_id)
