"""How requests with a test key are answered: as their header asks, or by the photo's digest."""

import re
from dataclasses import dataclass

from db.core.vocabulary import CROP_SIDE, EMOTIONS, Detector, Emotion
from db.faces.actions import NewFace
from db.jobs.tables import Job

HEADER = "Emoscope-Test"
_LONGEST_S = 60.0
_WORKS_S = 0.2
"""Duration of a test job unless the header asks for another; long enough to be seen as queued."""
_CONFIDENCE = 0.9
_CODE = re.compile(r"[a-z_]{1,50}", re.ASCII)


class InvalidScenario(ValueError):
    """The header has no valid scenario. The message lists the valid ones."""


@dataclass(frozen=True)
class Scenario:
    """The course of a test job.

    emotions: of its faces; None derives them from the photo's digest.
    failed: error code of the job.
    error: error code of the request itself.
    delay_s: seconds until the job ends; None if it never does.
    """

    emotions: tuple[Emotion, ...] | None = None
    failed: str | None = None
    error: str | None = None
    delay_s: float | None = _WORKS_S


def read_scenario(header: str | None) -> Scenario:
    """Parse the header `Emoscope-Test`. Raises InvalidScenario."""
    name, _, value = (header or "").strip().partition("=")
    try:
        if not name:
            return Scenario()
        if name == "faces":
            return Scenario(emotions=tuple(Emotion(each.strip()) for each in value.split(",") if each.strip()))
        if name == "failed" and _CODE.fullmatch(value):
            return Scenario(failed=value)
        if name == "error" and _CODE.fullmatch(value):
            return Scenario(error=value)
        if name == "slow":
            return Scenario(delay_s=min(max(float(value), 0), _LONGEST_S))
        if name == "never" and not value:
            return Scenario(delay_s=None)
    except ValueError:
        pass
    raise InvalidScenario("must be faces=happy,sad or faces= for none, failed=CODE, error=CODE, slow=SECONDS or never")


def make_faces(scenario: Scenario, job: Job, model_version_id: object) -> tuple[NewFace, ...]:
    """Make the faces of a test job, side by side. They depend only on the photo and the scenario."""
    digest = bytes.fromhex(job.photo_sha256)
    emotions = scenario.emotions
    if emotions is None:
        emotions = tuple(EMOTIONS[each % len(EMOTIONS)] for each in digest[1 : 1 + digest[0] % 4])
    side = max(1, min(job.height, job.width // max(1, len(emotions))))
    rest = (1 - _CONFIDENCE) / (len(EMOTIONS) - 1)
    return tuple(
        NewFace(
            x=min(position * side, job.width - 1),
            y=0,
            width=side,
            height=side,
            detector=job.detector or Detector.BLAZEFACE,
            detection_score=0.99,
            probabilities=tuple(_CONFIDENCE if each is emotion else rest for each in EMOTIONS),
            model_version_id=model_version_id,  # type: ignore[arg-type]
            crop=bytes(CROP_SIDE * CROP_SIDE),
        )
        for position, emotion in enumerate(emotions)
    )
