"""What can go wrong in training, each with a code that stays the same from release to release."""


class TrainingError(Exception):
    """Something that the caller of training can put right. `code` is stable; the message is for people."""

    code = "training_error"


class DatasetError(TrainingError):
    """A dataset that can't be read, or whose parts don't belong together."""

    code = "dataset_invalid"


class VotesMismatch(DatasetError):
    """A file of votes that doesn't belong to the rows of the CSV."""

    code = "votes_mismatch"


class ArtifactError(TrainingError):
    """A model version's files are missing, damaged or of a form that this release does not know."""

    code = "artifact_invalid"


class ArtifactDamagedError(ArtifactError):
    """A file of a model version isn't the one that its manifest names."""

    code = "artifact_damaged"


class RunError(TrainingError):
    """A training run that can't start or go on as asked."""

    code = "training_run_invalid"


class TrainingDiverged(TrainingError):
    """A loss is no finite number any more, so nothing further can be learnt. The run's folder keeps the finished epochs."""

    code = "training_diverged"


class RunStopped(TrainingError):
    """The run was asked to stop. Its folder holds all that is needed to go on from the last finished epoch."""

    code = "training_run_stopped"
