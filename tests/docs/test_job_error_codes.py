"""Every error code of jobs is documented, and those that the API also has mean the same."""

import re
from pathlib import Path

from api.core.error_codes import ERROR_KINDS
from db.core.blobs import BlobDamaged, BlobMissing, BlobStoreUnavailable
from db.photos.decoding_lock import DecodingBusy
from db.photos.errors import BrokenPicture, NotAPicture, TooManyPixels, TooMuchMemory
from worker.analysis.detectors.base import DetectorUnavailable

ROOT = Path(__file__).parents[2]
RAISED = {
    error.code
    for error in (
        NotAPicture,
        BrokenPicture,
        TooManyPixels,
        TooMuchMemory,
        DecodingBusy,
        BlobMissing,
        BlobDamaged,
        BlobStoreUnavailable,
        DetectorUnavailable,
    )
}


def find_written() -> set[str]:
    """The codes that are written where jobs end."""
    paths = ("db/jobs/lifecycle.py", "worker/analysis/job_runner.py", "worker/housekeeping/fetching.py")
    sources = [(ROOT / path).read_text() for path in paths]
    found = r'(?:error_code=|, |FetchFailed\(|fail\(\s*|give_back\(\s*)"([a-z]+_[a-z_]+)"(?!:)'
    return {code for source in sources for code in re.findall(found, source)}


def test_the_written_documentation_lists_every_code_and_no_other() -> None:
    section = (ROOT / "docs" / "api.md").read_text().partition("### Why a job has no result")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == RAISED | find_written()


def test_a_photo_is_refused_by_the_same_codes_at_once_and_later() -> None:
    assert {error.code for error in (NotAPicture, BrokenPicture, TooManyPixels, TooMuchMemory)} <= set(ERROR_KINDS)
