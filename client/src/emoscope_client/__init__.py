"""The Python client of Emoscope: submit photos, and read which emotion each face appears to express.

    from emoscope_client import Client

    with Client() as client:
        job = client.analyze("team.jpg")
        for face in job.faces:
            print(face.emotion, face.confidence, face.bounding_box)

`Client` blocks; `AsyncClient` has the same methods with `await`. Both retry when the API is busy or unavailable, and a retried
submission creates only one job.
"""

from emoscope_client._version import __version__
from emoscope_client.address import Address
from emoscope_client.async_client import AsyncClient
from emoscope_client.batches import (
    Batch,
    BatchCounts,
    BatchPage,
    BatchPhoto,
    BatchPhotoPage,
    BatchRetry,
    BatchSummary,
)
from emoscope_client.client import Client
from emoscope_client.errors import (
    ApiError,
    Conflict,
    EmoscopeError,
    Forbidden,
    Gone,
    InvalidAddress,
    InvalidRequest,
    NoAddress,
    NotFound,
    ServerError,
    ServiceUnreachable,
    TooManyRequests,
    Unauthorized,
    UnexpectedAnswer,
    WaitTimeout,
)
from emoscope_client.exports import Export, ExportPage
from emoscope_client.health import Alive, Check, Checks, Ready
from emoscope_client.jobs import (
    BoundingBox,
    Face,
    FaceLandmark,
    FaceQuality,
    Job,
    JobError,
    JobEvent,
    JobEventList,
    JobPage,
    Photo,
    Pose,
    Probabilities,
)
from emoscope_client.keys import Key, KeyList, KeyMade, KeyTerms, Usage, UsageList
from emoscope_client.model_versions import ModelVersion, ModelVersionList
from emoscope_client.options import JobFilters, JobOptions
from emoscope_client.photos import PhotoSource
from emoscope_client.problem import FieldError, Problem
from emoscope_client.result import Result
from emoscope_client.steps import Retries
from emoscope_client.vocabulary import (
    EMOTIONS,
    ActorKind,
    DeliveryState,
    Detector,
    Emotion,
    EndpointState,
    ExportFormat,
    ExportRows,
    FaceCondition,
    JobStatus,
    Landmark,
    PhotoState,
    Priority,
    Purpose,
    Scope,
    UnusableReason,
)
from emoscope_client.webhooks import (
    DeliveryFilters,
    Replayed,
    SigningSecret,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookList,
    WebhookMade,
)

__all__ = [
    "EMOTIONS",
    "ActorKind",
    "Address",
    "Alive",
    "ApiError",
    "AsyncClient",
    "Batch",
    "BatchCounts",
    "BatchPage",
    "BatchPhoto",
    "BatchPhotoPage",
    "BatchRetry",
    "BatchSummary",
    "BoundingBox",
    "Check",
    "Checks",
    "Client",
    "Conflict",
    "DeliveryFilters",
    "DeliveryState",
    "Detector",
    "EmoscopeError",
    "Emotion",
    "EndpointState",
    "Export",
    "ExportFormat",
    "ExportPage",
    "ExportRows",
    "Face",
    "FaceCondition",
    "FaceLandmark",
    "FaceQuality",
    "FieldError",
    "Forbidden",
    "Gone",
    "InvalidAddress",
    "InvalidRequest",
    "Job",
    "JobError",
    "JobEvent",
    "JobEventList",
    "JobFilters",
    "JobOptions",
    "JobPage",
    "JobStatus",
    "Key",
    "KeyList",
    "KeyMade",
    "KeyTerms",
    "Landmark",
    "ModelVersion",
    "ModelVersionList",
    "NoAddress",
    "NotFound",
    "Photo",
    "PhotoSource",
    "PhotoState",
    "Pose",
    "Priority",
    "Probabilities",
    "Problem",
    "Purpose",
    "Ready",
    "Replayed",
    "Result",
    "Retries",
    "Scope",
    "ServerError",
    "ServiceUnreachable",
    "SigningSecret",
    "TooManyRequests",
    "Unauthorized",
    "UnexpectedAnswer",
    "UnusableReason",
    "Usage",
    "UsageList",
    "WaitTimeout",
    "Webhook",
    "WebhookDelivery",
    "WebhookDeliveryPage",
    "WebhookList",
    "WebhookMade",
    "__version__",
]
