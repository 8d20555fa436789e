"""The words that every part of Emoscope shares. Standard library only, so that anything may import it."""

from enum import StrEnum


class Emotion(StrEnum):
    """What a face appears to express, in the order of every probability vector (alphabetical)."""

    ANGRY = "angry"
    DISGUSTED = "disgusted"
    FEARFUL = "fearful"
    HAPPY = "happy"
    NEUTRAL = "neutral"
    SAD = "sad"
    SURPRISED = "surprised"


EMOTIONS: tuple[Emotion, ...] = tuple(Emotion)

CROP_SIDE = 48
"""Width and height of a crop in pixels: what FER2013 has and every model sees."""


class JobStatus(StrEnum):
    """Where a job is. `db/job_states.py` says which moves there are."""

    QUEUED = "queued"
    """Stored, and waiting for a worker."""
    RUNNING = "running"
    """Claimed by a worker that holds its lease."""
    SUCCEEDED = "succeeded"
    """Analysed; the faces are stored, also when there are none."""
    FAILED = "failed"
    """Given up; the job's error code says why."""
    CANCELED = "canceled"
    """Withdrawn before a result was written."""


TERMINAL_STATUSES = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED})


class Priority(StrEnum):
    """Which jobs go first when there are more than the workers can take."""

    INTERACTIVE = "interactive"
    """A person waits for it."""
    BULK = "bulk"
    """Nobody waits; taken when no interactive job is queued."""


class Detector(StrEnum):
    """The ways to find faces, by the names that jobs and settings use."""

    BLAZEFACE = "blazeface"
    HOG = "hog"
    CNN = "cnn"
    MTCNN = "mtcnn"
    YUNET = "yunet"


class Architecture(StrEnum):
    """The networks that training can build, by name."""

    REPORT = "report"
    REPORT_DENSE = "report-dense"
    DEFAULT = "default"


class WorkerState(StrEnum):
    """How a worker child is."""

    STARTING = "starting"
    """Loading detector and model."""
    READY = "ready"
    """Detector and model are loaded and warm."""
    SETUP_FAILED = "setup_failed"
    """Detector or model could not be loaded; the detail says why."""
    STOPPED = "stopped"
    """Ended in order."""


CHAMPION = "champion"
"""The alias of the model version in service."""
