"""Translates documents of earlier releases to current names: run settings, recipes, manifests, audits of datasets.

Versions are immutable and keep their original manifest; runs continue with their original settings.
"""

from collections.abc import Mapping
from typing import Any

_LABELS = {"single": "hard", "votes": "soft"}
_RECIPE = {
    "averaging": "ema",
    "mirrored": "flip",
    "framings": "crop_scales",
    "held_out": "validation_share",
    "keep": "monitor",
}
_STAGE = {"side": "input_size"}
_AUGMENTATION = {"mirror": "flip", "erase": "random_erasing"}
_MANIFEST = {"mirrored": "flip", "framings": "crop_scales"}
_ROW_COUNTS = {"teaching": "training", "held_out": "validation", "votes_teaching": "votes_training"}
_SETTINGS = {"holds_out_like_parent": "splits_like_parent"}


def translate_labels(word: Any) -> Any:
    """Translate `single` to `hard` and `votes` to `soft`; other words are unchanged."""
    return _LABELS.get(word, word) if isinstance(word, str) else word


def translate_recipe(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Translate some or all fields of a recipe, including its stages and augmentation."""
    found = _rename(plain, _RECIPE)
    if isinstance(found.get("stages"), list | tuple):
        found["stages"] = [_rename(each, _STAGE) if isinstance(each, Mapping) else each for each in found["stages"]]
    if isinstance(found.get("augmentation"), Mapping):
        found["augmentation"] = _rename(found["augmentation"], _AUGMENTATION)
    return found


def translate_settings(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a run's settings, including its recipe."""
    found = _rename(plain, _SETTINGS)
    if "labels" in found:
        found["labels"] = translate_labels(found["labels"])
    if isinstance(found.get("recipe"), Mapping):
        found["recipe"] = translate_recipe(found["recipe"])
    return found


def translate_manifest(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a manifest, including its lineage. Missing fields stay missing.

    In form 1, the network `default` is what `small` is now.
    """
    found = _rename(plain, _MANIFEST)
    if (found.get("schema_version"), found.get("architecture")) == (1, "default"):
        found["architecture"] = "small"
    lineage = found.get("lineage")
    if isinstance(lineage, Mapping):
        found["lineage"] = translate_lineage(lineage)
    return found


def translate_lineage(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a version's lineage, including the settings of its run."""
    found = dict(plain)
    if "labels" in found:
        found["labels"] = translate_labels(found["labels"])
    if isinstance(found.get("row_counts"), Mapping):
        found["row_counts"] = _rename(found["row_counts"], _ROW_COUNTS)
    if isinstance(found.get("settings"), Mapping):
        found["settings"] = translate_settings(found["settings"])
    return found


def _rename(plain: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    return {words.get(name, name): value for name, value in plain.items()}
