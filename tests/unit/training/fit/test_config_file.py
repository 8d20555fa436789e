"""Configuration files, and that those of the shipped versions match their manifests."""

from pathlib import Path

import pytest

from bench.training.write_configs import write_config
from training.errors import RunError
from training.export.artifact import list_pretrained, read_manifest
from training.fit.config_file import CONFIGS_DIR, describe_version, read_config, require_origin
from training.fit.settings import RECIPES, TrainSettings

SHIPPED = list_pretrained()
PARENT, TEACHER = SHIPPED["report"], SHIPPED["default-hard"]
MINIMAL = 'network = "tiny"\nlabels = "hard"\n'


def identify(folder: Path) -> str:
    return read_manifest(folder).files["model.keras"].sha256


@pytest.mark.parametrize("name", SHIPPED)
def test_each_shipped_version_has_a_file_that_says_how_it_was_made_and_what_it_gave(name: str) -> None:
    manifest = read_manifest(SHIPPED[name])
    config = read_config(CONFIGS_DIR / f"{name}.toml")
    expected = describe_version(manifest).model_dump(mode="json")
    assert config.model_dump(mode="json") == expected, "run: python -m bench.training.write_configs"
    made_by = TrainSettings.from_json(manifest.lineage.settings)
    assert RECIPES[config.network].change(config.recipe) == made_by.recipe
    assert (config.seed, config.split_seed, config.labels) == (made_by.seed, made_by.split_seed, made_by.labels)
    assert (CONFIGS_DIR / f"{name}.toml").read_text() == write_config(name, SHIPPED[name])
    accuracy = manifest.metrics["PublicTest"]["ferplus"]["accuracy"]
    assert config.results["PublicTest/ferplus"].accuracy == pytest.approx(accuracy, abs=5e-5)


def test_no_other_version_has_a_file() -> None:
    assert {path.stem for path in CONFIGS_DIR.glob("*.toml")} == set(SHIPPED)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("network = ", "is not TOML"),
        (MINIMAL + "epochs = 3\n", "epochs: Extra inputs"),
        ('network = "huge"\nlabels = "hard"\n', "network"),
        ('network = "tiny"\n', "labels: Field required"),
    ],
)
def test_what_is_no_configuration_is_refused_by_name(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "a.toml").write_text(content)
    with pytest.raises(RunError, match=problem):
        read_config(tmp_path / "a.toml")
    with pytest.raises(RunError, match="can't be read"):
        read_config(tmp_path / "absent.toml")


def test_a_run_starts_from_and_learns_from_the_very_versions_that_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(f'{MINIMAL}parent = "{identify(PARENT)}"\nteachers = ["{identify(TEACHER)}"]\n')
    config = read_config(tmp_path / "a.toml")
    require_origin(config, PARENT, [TEACHER])
    for start_from, teachers, option in (
        (None, [TEACHER], "--start-from"),
        (TEACHER, [TEACHER], "--start-from"),
        (PARENT, [], "--teacher"),
        (PARENT, [TEACHER, PARENT], "--teacher"),
    ):
        with pytest.raises(RunError, match=option):
            require_origin(config, start_from, teachers)
    (tmp_path / "b.toml").write_text(MINIMAL)
    with pytest.raises(RunError, match="no version"):
        require_origin(read_config(tmp_path / "b.toml"), PARENT, [])
