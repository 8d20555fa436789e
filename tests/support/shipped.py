"""The shipped version that a new installation promotes."""

from db.core.vocabulary import PRETRAINED_CHAMPION
from training.export.artifact import PRETRAINED_DIR

FOLDER = PRETRAINED_DIR / PRETRAINED_CHAMPION
