"""Imports every error of `db` that is reported to clients, so that `db.core.errors.list_domain_errors` finds all."""

from db.accounts.api_keys import PurposeForbidden, TestKeyScope, UnknownKey
from db.accounts.passwords import PasswordsBusy
from db.accounts.sessions import UnknownSession
from db.accounts.users import InvalidUser, LastAdministrator, OwnAccount, UnknownUser
from db.core.blobs import BlobDamaged, BlobStoreFull, BlobStoreUnavailable
from db.exports.actions import ExportNotReady, ExportTooLarge, TooManyExports, UnknownExport
from db.jobs.actions import PhotoGone
from db.jobs.batches import BatchClosed, BatchFull, UnknownBatch
from db.jobs.idempotency import IdempotencyConflict
from db.jobs.states import InvalidTransition
from db.jobs.submission import DetectorMissing, QueueFull
from db.model_versions.actions import ChampionChanged, NothingToRollBack, UnknownModelVersion
from db.model_versions.notes import InvalidNote
from db.model_versions.shadow import AlreadyInService, NoChallenger
from db.reviews.actions import UnknownFace
from db.reviews.reports import InvalidReport
from db.training_runs.lifecycle import TrainingRunActive, UnknownTrainingRun
from db.training_runs.plan import PlanImpossible
from db.training_runs.states import InvalidRunTransition
from db.webhooks.errors import (
    EndpointNotActive,
    RefusedEndpointUrl,
    TooManyEndpoints,
    UnknownDelivery,
    UnknownEndpoint,
)

__all__ = [
    "AlreadyInService",
    "BatchClosed",
    "BatchFull",
    "BlobDamaged",
    "BlobStoreFull",
    "BlobStoreUnavailable",
    "ChampionChanged",
    "DetectorMissing",
    "EndpointNotActive",
    "ExportNotReady",
    "ExportTooLarge",
    "IdempotencyConflict",
    "InvalidNote",
    "InvalidReport",
    "InvalidRunTransition",
    "InvalidTransition",
    "InvalidUser",
    "LastAdministrator",
    "NoChallenger",
    "NothingToRollBack",
    "OwnAccount",
    "PasswordsBusy",
    "PhotoGone",
    "PlanImpossible",
    "PurposeForbidden",
    "QueueFull",
    "RefusedEndpointUrl",
    "TestKeyScope",
    "TooManyEndpoints",
    "TooManyExports",
    "TrainingRunActive",
    "UnknownBatch",
    "UnknownDelivery",
    "UnknownEndpoint",
    "UnknownExport",
    "UnknownFace",
    "UnknownKey",
    "UnknownModelVersion",
    "UnknownSession",
    "UnknownTrainingRun",
    "UnknownUser",
]
