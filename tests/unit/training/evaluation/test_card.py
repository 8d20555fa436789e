import dataclasses
from pathlib import Path

import pytest

from training.evaluation.card import write_card
from training.export.artifact import list_pretrained, read_manifest


@pytest.mark.parametrize("name", list_pretrained())
def test_a_card_of_every_shipped_version_can_be_written(name: str, tmp_path: Path) -> None:
    manifest = read_manifest(list_pretrained()[name])
    write_card(tmp_path / "card.md", manifest)
    card = (tmp_path / "card.md").read_text()
    found = manifest.metrics["PublicTest"]["fer2013"]
    assert f"accuracy {found['accuracy']:.3f} (95 % interval {found['intervals']['accuracy'][0]:.3f} to" in card
    assert f"| dataset SHA-256 | {manifest.lineage.dataset_sha256} |" in card
    assert card.count("| surprised |") == sum(
        truth in part
        for part in manifest.metrics.values()
        if isinstance(part, dict)
        for truth in ("fer2013", "ferplus")
    )
    assert "never what a person feels" in card


def test_what_a_version_started_from_is_named(tmp_path: Path) -> None:
    manifest = read_manifest(next(iter(list_pretrained().values())))
    lineage = dataclasses.replace(manifest.lineage, parent=None, teachers=())
    write_card(tmp_path / "card.md", manifest.model_copy(update={"lineage": lineage}))
    card = (tmp_path / "card.md").read_text()
    assert "| initial weights | random |" in card
    assert "| teachers | none |" in card
