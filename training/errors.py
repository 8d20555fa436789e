"""Errors of training, with stable codes."""


class TrainingError(Exception):
    """An error that the caller of training can fix. `code` is stable; the message is for people."""

    code = "training_error"


class DatasetError(TrainingError):
    """The dataset can't be read, or its files don't belong together."""

    code = "dataset_invalid"


class VotesMismatch(DatasetError):
    """The file of votes doesn't belong to the rows of the CSV."""

    code = "votes_mismatch"


class ArtifactError(TrainingError):
    """A model version's files are missing, damaged or in a format that this release doesn't know."""

    code = "artifact_invalid"


class ArtifactDamagedError(ArtifactError):
    """A file of a model version differs from the digest in its manifest."""

    code = "artifact_damaged"


class RunError(TrainingError):
    """A training run can't start or resume with these settings."""

    code = "training_run_invalid"


class TrainingDiverged(TrainingError):
    """A loss is no longer finite, so training can't continue. The run's folder keeps the finished epochs."""

    code = "training_diverged"


class RunStopped(TrainingError):
    """The run was asked to stop. It can be resumed from its folder after the last finished epoch."""

    code = "training_run_stopped"
