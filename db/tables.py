"""Every table, for code that needs the whole schema or distinguishes a row from an API schema of the same name: `tables.Job`."""

from db.accounts.tables import ApiKey, Application, AuditEvent, KeyUsage, SignInTries, UnknownName, User, UserSession
from db.core.base import Base
from db.core.tables import SchemaCompatibility
from db.exports.tables import Export
from db.faces.tables import Face, FaceHour
from db.jobs.tables import Batch, BatchCount, BatchRefusal, IdempotencyKey, Job, JobEvent, PhotoFetch
from db.model_versions.tables import ModelAlias, ModelVersion, ModelVersionNote, Promotion, ShadowPrediction
from db.monitoring.tables import Worker
from db.reviews.tables import FaceReport, ResultView, ReviewItem, ReviewSubject, ReviewVote
from db.training_runs.tables import TrainingCorrection, TrainingRun
from db.webhooks.tables import Callback, WebhookDelivery, WebhookEndpoint, WebhookEvent

__all__ = [
    "ApiKey",
    "Application",
    "AuditEvent",
    "Base",
    "Batch",
    "BatchCount",
    "BatchRefusal",
    "Callback",
    "Export",
    "Face",
    "FaceHour",
    "FaceReport",
    "IdempotencyKey",
    "Job",
    "JobEvent",
    "KeyUsage",
    "ModelAlias",
    "ModelVersion",
    "ModelVersionNote",
    "PhotoFetch",
    "Promotion",
    "ResultView",
    "ReviewItem",
    "ReviewSubject",
    "ReviewVote",
    "SchemaCompatibility",
    "ShadowPrediction",
    "SignInTries",
    "TrainingCorrection",
    "TrainingRun",
    "UnknownName",
    "User",
    "UserSession",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "Worker",
]
