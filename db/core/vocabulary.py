"""The words that every part of Emoscope shares. Standard library only, so that anything may import it."""

from enum import StrEnum
from typing import Self


class Emotion(StrEnum):
    """What a face appears to express, in the order of every probability vector (alphabetical).

    An entry is the whole registration of an emotion: name, number in FER2013, column in FER+, colours on a light page, on a dark
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

    def __new__(  # the defaults are for `Emotion("happy")`, which looks an entry up
        cls,
        name: str,
        fer2013_number: int = -1,
        ferplus_column: str = "",
        light: str = "",
        dark: str = "",
        photo: str = "",
    ) -> Self:
        """Make an entry, whose value is its name."""
        entry = str.__new__(cls, name)
        entry._value_ = name
        entry.fer2013_number, entry.ferplus_column = fer2013_number, ferplus_column
        entry.light_colour, entry.dark_colour, entry.photo_colour = light, dark, photo
        return entry

    @property
    def key(self) -> str:
        """The key that chooses it in reviews: its place in the order, from 1."""
        return str(tuple(type(self)).index(self) + 1)


EMOTIONS: tuple[Emotion, ...] = tuple(Emotion)

CROP_SIDE = 48
"""Width and height of a crop in pixels: what FER2013 has and every model sees."""


class JobStatus(StrEnum):
    """Where a job is. `db/jobs/states.py` says which moves there are."""

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


class Landmark(StrEnum):
    """A point of a face. Left and right are those of the picture, of a face that is upright in it."""

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
    """The ways to find faces, by the names that jobs and settings use.

    An entry and its module, `worker/analysis/detectors/NAME.py`, are the whole registration of a detector.
    packages: what its module imports beside the standard library and numpy. landmarks: the points that it gives of each face, in
    the order in which they are stored, the eyes first. weights_setting: the setting that names its file of weights; empty where a
    package carries them.
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
        """Make an entry, whose value is its name."""
        entry = str.__new__(cls, name)
        entry._value_ = name
        entry.packages, entry.landmarks, entry.weights_setting = packages, landmarks, weights_setting
        return entry


class Architecture(StrEnum):
    """The networks that training can build, by name."""

    REPORT = "report"
    REPORT_DENSE = "report-dense"
    TINY = "tiny"
    """A hundredth of the work of `report`: shows in seconds whether a dataset and a set-up work."""
    SMALL = "small"
    """Half the work of `default`."""
    DEFAULT = "default"
    """What ships: small enough for a core."""
    LARGE = "large"
    """Twice the work of `default`, to teach it."""
    WIDE = "wide"
    """Four times the weights of `large`, to teach too; for machines with a GPU."""


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
CHALLENGER = "challenger"
"""The alias of the version that judges live faces beside the champion, in shadow mode."""
PRETRAINED_CHAMPION = "default"
"""Name of the shipped version that a new installation puts into service."""
OLD_PRETRAINED_NAMES = {"default-votes": "default", "default-single": "default-hard"}
"""What earlier releases called shipped versions -> their names now. Rows of versions keep the name that they were stored with."""


class ExportRows(StrEnum):
    """What a row of an export is."""

    FACES = "faces"
    JOBS = "jobs"


class ExportFormat(StrEnum):
    """The form of an export."""

    CSV = "csv"
    JSONL = "jsonl"
    """A JSON object in each line."""


class VoteChoice(StrEnum):
    """What a reviewer says of a face: one of the seven emotions, or why it is none of them."""

    ANGRY = "angry"
    DISGUSTED = "disgusted"
    FEARFUL = "fearful"
    HAPPY = "happy"
    NEUTRAL = "neutral"
    SAD = "sad"
    SURPRISED = "surprised"
    NOT_A_FACE = "not_a_face"
    """The detector was wrong: there is no face in the crop."""
    AMBIGUOUS = "ambiguous"
    """A face, but no single emotion that people would agree on."""
    SKIP = "skip"
    """No opinion; the face goes to another reviewer."""

    @property
    def emotion(self) -> Emotion | None:
        """The emotion that is meant, or None."""
        return Emotion(self.value) if self.value in EMOTIONS else None


class FaceCondition(StrEnum):
    """What makes a face hard to judge."""

    SMALL = "small"
    """Smaller in the photo than the crop that was made of it."""
    DARK = "dark"
    BLURRED = "blurred"
    """Out of focus, or enlarged."""
    COVERED = "covered"
    """A mask, dark glasses, a hand or the like seems to hide a part of it."""


class UnusableReason(StrEnum):
    """Why a face is a poor one to classify. `db/faces/usability.py` has the limits."""

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
    """How a face comes before reviewers."""

    UNCERTAIN = "uncertain"
    """Because the model hesitated."""
    RANDOM = "random"
    """By chance alone, so that these faces stand for all of them."""


class ReportKind(StrEnum):
    """What somebody found wrong with the boxes of a photo."""

    MISSED_FACE = "missed_face"
    """A face that wasn't found."""
    WRONG_BOX = "wrong_box"
    """A box that is too large, too small, or beside the face."""


class Role(StrEnum):
    """What a person may do on the pages. Each role may do what those before it may."""

    VIEWER = "viewer"
    """Look at everything."""
    REVIEWER = "reviewer"
    """Judge faces."""
    ADMINISTRATOR = "administrator"
    """Choose models, start runs, manage people and keys, erase."""

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        ranks = tuple(Role)
        return ranks.index(self) >= ranks.index(needed)


class Scope(StrEnum):
    """What an API key may do."""

    SUBMIT = "submit"
    """Submit photos, and see its own application's jobs."""
    REVIEW = "review"
    """See and judge every application's faces."""
    ADMIN = "admin"
    """Choose models, start training runs, keep people and keys, and see every application's jobs."""


class TrainingRunStatus(StrEnum):
    """Where a training run is."""

    QUEUED = "queued"
    """Stored, and waiting for the training worker."""
    RUNNING = "running"
    """Claimed by a worker that holds its lease."""
    PROMOTED = "promoted"
    """The challenger passed the gate and is in service."""
    REJECTED = "rejected"
    """The challenger is kept, and the champion stays; the reason says why."""
    FAILED = "failed"
    """No challenger came of it; the error says why."""
    CANCELED = "canceled"
    """Stopped by a person."""


class TrainingTrigger(StrEnum):
    """What started a training run."""

    SCHEDULE = "schedule"
    COMMAND = "command"
    API = "api"
    PAGE = "page"


class EndpointState(StrEnum):
    """How a webhook endpoint is."""

    ACTIVE = "active"
    """Called as soon as something happens."""
    PAUSED = "paused"
    """Not called, because somebody paused it. What happens meanwhile waits."""
    FAILING = "failing"
    """Not called, because it failed for days, or said that it is gone. What happens meanwhile waits."""


class DeliveryState(StrEnum):
    """What became of one attempt to deliver an event."""

    PENDING = "pending"
    """Will be made, at `due_at` or as soon as its endpoint is active."""
    SUCCEEDED = "succeeded"
    """The receiver answered with a status from 200 to 299."""
    FAILED = "failed"
    """Any other answer, or none."""


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
