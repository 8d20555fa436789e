"""Names shared by all components. Standard library only, so that every component can import it."""

from enum import StrEnum
from typing import Self


class Emotion(StrEnum):
    """What a face appears to express, in the order of every probability vector (alphabetical).

    An entry is the complete registration of an emotion: name, number in FER2013, column in FER+, colours on a light page, on a dark
    page, and on a photo.
    """

    fer2013_number: int
    ferplus_column: str
    light_colour: str
    dark_colour: str
    photo_colour: str

    ANGRY = "angry", 0, "anger", "#d2402f", "#f0705f", "#d62728"
    DISGUSTED = "disgusted", 1, "disgust", "#74922a", "#a5c552", "#6b8e23"
    FEARFUL = "fearful", 2, "fear", "#8a52c4", "#b98ae8", "#8e44ad"
    HAPPY = "happy", 3, "happiness", "#e3a91c", "#f2c649", "#e0a800"
    NEUTRAL = "neutral", 6, "neutral", "#7d8896", "#97a3b2", "#5f6b76"
    SAD = "sad", 4, "sadness", "#2f74c0", "#6aa8ec", "#1f6fb2"
    SURPRISED = "surprised", 5, "surprise", "#e2762a", "#f59a58", "#e8710a"

    def __new__(  # the defaults allow `Emotion("happy")`, which looks up an entry
        cls,
        name: str,
        fer2013_number: int = -1,
        ferplus_column: str = "",
        light: str = "",
        dark: str = "",
        photo: str = "",
    ) -> Self:
        """Create an entry, whose value is its name."""
        entry = str.__new__(cls, name)
        entry._value_ = name
        entry.fer2013_number, entry.ferplus_column = fer2013_number, ferplus_column
        entry.light_colour, entry.dark_colour, entry.photo_colour = light, dark, photo
        return entry

    @property
    def key(self) -> str:
        """The key that chooses it in reviews: its position, from 1."""
        return str(tuple(type(self)).index(self) + 1)


EMOTIONS: tuple[Emotion, ...] = tuple(Emotion)

CROP_SIDE = 48
"""Width and height of a crop in pixels: the size of FER2013's images and of every model's input."""


class JobStatus(StrEnum):
    """State of a job. `db/jobs/states.py` defines the transitions."""

    QUEUED = "queued"
    """Stored, waiting for a worker."""
    RUNNING = "running"
    """Claimed by a worker that holds its lease."""
    SUCCEEDED = "succeeded"
    """Analysed; the faces are stored, if there are any."""
    FAILED = "failed"
    """Failed; the job's error code says why."""
    CANCELED = "canceled"
    """Canceled before a result was written."""


TERMINAL_STATUSES = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED})


class Priority(StrEnum):
    """Order of jobs when there are more than the workers can process."""

    INTERACTIVE = "interactive"
    """A user waits for it."""
    BULK = "bulk"
    """Nobody waits for it; processed when no interactive job is queued."""


class Landmark(StrEnum):
    """A landmark of a face. Left and right are those of the picture, for an upright face."""

    LEFT_EYE = "left_eye"
    RIGHT_EYE = "right_eye"
    NOSE = "nose"
    MOUTH = "mouth"
    """The middle of the mouth."""
    LEFT_EAR = "left_ear"
    RIGHT_EAR = "right_ear"
    LEFT_MOUTH_CORNER = "left_mouth_corner"
    RIGHT_MOUTH_CORNER = "right_mouth_corner"


_EYES_NOSE = (Landmark.LEFT_EYE, Landmark.RIGHT_EYE, Landmark.NOSE)
_FIVE_POINTS = (*_EYES_NOSE, Landmark.LEFT_MOUTH_CORNER, Landmark.RIGHT_MOUTH_CORNER)


class Detector(StrEnum):
    """The detectors, by the names that jobs and settings use.

    An entry and its module, `worker/analysis/detectors/NAME.py`, are the complete registration of a detector.
    packages: what its module imports besides the standard library and numpy.
    landmarks: points per face in the order in which they are stored, the eyes first.
    weights_setting: setting that names its weights file; empty if a package includes them.
    """

    packages: tuple[str, ...]
    landmarks: tuple[Landmark, ...]
    weights_setting: str

    BLAZEFACE = (
        "blazeface",
        ("ai_edge_litert", "cv2"),
        (*_EYES_NOSE, Landmark.MOUTH, Landmark.LEFT_EAR, Landmark.RIGHT_EAR),
    )
    HOG = "hog", ("face_recognition",)
    CNN = "cnn", ("face_recognition",)
    MTCNN = "mtcnn", ("mtcnn", "tensorflow"), _FIVE_POINTS
    YUNET = "yunet", ("cv2",), _FIVE_POINTS, "yunet_weights"

    def __new__(
        cls, name: str, packages: tuple[str, ...] = (), landmarks: tuple[Landmark, ...] = (), weights_setting: str = ""
    ) -> Self:
        """Create an entry, whose value is its name."""
        entry = str.__new__(cls, name)
        entry._value_ = name
        entry.packages, entry.landmarks, entry.weights_setting = packages, landmarks, weights_setting
        return entry


class Architecture(StrEnum):
    """The network architectures, by name."""

    REPORT = "report"
    REPORT_DENSE = "report-dense"
    TINY = "tiny"
    """A hundredth of the work of `report`: shows within seconds whether a dataset and a set-up work."""
    SMALL = "small"
    """Half the work of `default`."""
    DEFAULT = "default"
    """What ships: small enough for a core."""
    LARGE = "large"
    """Twice the work of `default`; a teacher for it."""
    WIDE = "wide"
    """Four times the weights of `large`; a larger teacher, for machines with a GPU."""


class WorkerState(StrEnum):
    """State of a worker process."""

    STARTING = "starting"
    """Loading detector and model."""
    READY = "ready"
    """Detector and model are loaded and warm."""
    SETUP_FAILED = "setup_failed"
    """Detector or model failed to load; the detail says why."""
    STOPPED = "stopped"
    """Stopped normally."""


CHAMPION = "champion"
"""The alias of the model version in service."""
CHALLENGER = "challenger"
"""The alias of the version that classifies live faces in shadow mode."""
PRETRAINED_CHAMPION = "default"
"""Name of the shipped version that a new installation promotes."""
OLD_PRETRAINED_NAMES = {"default-votes": "default", "default-single": "default-hard"}
"""Former names of shipped versions -> current names. Rows of versions keep their stored name."""


class ExportRows(StrEnum):
    """What a row of an export represents."""

    FACES = "faces"
    JOBS = "jobs"


class ExportFormat(StrEnum):
    """File format of an export."""

    CSV = "csv"
    JSONL = "jsonl"
    """One JSON object per line."""


class VoteChoice(StrEnum):
    """A reviewer's choice for a face: one of the seven emotions, or why it is none of them."""

    ANGRY = "angry"
    DISGUSTED = "disgusted"
    FEARFUL = "fearful"
    HAPPY = "happy"
    NEUTRAL = "neutral"
    SAD = "sad"
    SURPRISED = "surprised"
    NOT_A_FACE = "not_a_face"
    """A false detection: there is no face in the crop."""
    AMBIGUOUS = "ambiguous"
    """A face, but without a single emotion on which people would agree."""
    SKIP = "skip"
    """No opinion; the face goes to another reviewer."""

    @property
    def emotion(self) -> Emotion | None:
        """The chosen emotion, or None."""
        return Emotion(self.value) if self.value in EMOTIONS else None


class FaceCondition(StrEnum):
    """What makes a face hard to classify."""

    SMALL = "small"
    """Smaller in the photo than its crop."""
    DARK = "dark"
    BLURRED = "blurred"
    """Out of focus, or enlarged."""
    COVERED = "covered"
    """A mask, dark glasses, a hand or similar seems to hide a part of it."""


class UnusableReason(StrEnum):
    """Why a face is unsuitable for classification. `db/faces/usability.py` has the limits."""

    SMALL = "small"
    DARK = "dark"
    BRIGHT = "bright"
    BLURRED = "blurred"
    COVERED = "covered"
    TURNED_AWAY = "turned_away"
    """Seen from the side."""
    CUT_OFF = "cut_off"
    """Partly outside the picture."""


class ReviewSlice(StrEnum):
    """How a face was selected for review."""

    UNCERTAIN = "uncertain"
    """Because the model was uncertain."""
    RANDOM = "random"
    """Drawn at random, so that these faces represent all faces."""


class ReportKind(StrEnum):
    """What is wrong with the boxes of a photo."""

    MISSED_FACE = "missed_face"
    """A face that wasn't found."""
    WRONG_BOX = "wrong_box"
    """A box that is too large, too small, or next to the face."""


class Role(StrEnum):
    """What a user may do on the pages. Each role includes the previous ones."""

    VIEWER = "viewer"
    """Read everything."""
    REVIEWER = "reviewer"
    """Judge faces."""
    ADMINISTRATOR = "administrator"
    """Promote models, start runs, manage users and keys, erase."""

    def covers(self, needed: "Role") -> bool:
        """Return whether this role includes `needed`."""
        ranks = tuple(Role)
        return ranks.index(self) >= ranks.index(needed)


class Scope(StrEnum):
    """What an API key may do."""

    SUBMIT = "submit"
    """Submit photos, and read the application's own jobs."""
    REVIEW = "review"
    """Read and review the faces of every application."""
    ADMIN = "admin"
    """Promote models, start training runs, manage users and keys, and read the jobs of every application."""


class TrainingRunStatus(StrEnum):
    """State of a training run."""

    QUEUED = "queued"
    """Stored, waiting for the training worker."""
    RUNNING = "running"
    """Claimed by a worker that holds its lease."""
    PROMOTED = "promoted"
    """The challenger passed the gate and is in service."""
    REJECTED = "rejected"
    """The challenger is kept, but the champion stays in service; the reason says why."""
    FAILED = "failed"
    """No challenger was produced; the error says why."""
    CANCELED = "canceled"
    """Stopped by a user."""


class TrainingTrigger(StrEnum):
    """What started a training run."""

    SCHEDULE = "schedule"
    COMMAND = "command"
    API = "api"
    PAGE = "page"


class EndpointState(StrEnum):
    """State of a webhook endpoint."""

    ACTIVE = "active"
    """Called for each event."""
    PAUSED = "paused"
    """Paused by a user or application. Its events are kept until it is resumed."""
    FAILING = "failing"
    """Paused by the service, after days of failures or a 410. Its events are kept until it is resumed."""


class DeliveryState(StrEnum):
    """State of one attempt to deliver an event."""

    PENDING = "pending"
    """Due at `due_at`, or as soon as its endpoint is active."""
    SUCCEEDED = "succeeded"
    """The receiver answered with a status from 200 to 299."""
    FAILED = "failed"
    """Any other response, or none."""


class Purpose(StrEnum):
    """What an application declares to use the service for."""

    RESEARCH = "research"
    MEDIA = "media"
    """Sorting, searching and describing pictures."""
    ACCESSIBILITY = "accessibility"
    """Telling people what a picture shows."""
    ART = "art"
    """Games, installations, entertainment."""
    MARKET_RESEARCH = "market_research"
    """With people who agreed to it."""
    MEDICAL = "medical"
    """Also at work and in education."""
    SAFETY = "safety"
    """Also at work and in education."""
    WORKPLACE = "workplace"
    """Emotions of people at work: forbidden in the EU, so it is refused."""
    EDUCATION = "education"
    """Emotions of pupils and students: forbidden in the EU, so it is refused."""

    @property
    def is_forbidden(self) -> bool:
        """Whether the law forbids it (EU AI Act, Art. 5(1)(f))."""
        return self in {Purpose.WORKPLACE, Purpose.EDUCATION}
