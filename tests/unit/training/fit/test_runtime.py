import dataclasses
from pathlib import Path

import pytest

from db.core.vocabulary import Architecture
from training.fit.run_settings import read_run_settings
from training.fit.runtime import choose_precision, computing_in, keras
from training.fit.settings import RECIPES, Precision, TrainSettings
from training.networks.build import build_network
from training.pipeline import run_training


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "float32"])
def test_layers_compute_in_the_precision_asked_for_and_keep_their_weights_in_32_bits(precision: Precision) -> None:
    with computing_in(precision):
        network = build_network(Architecture.DEFAULT)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {precision}
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert network.outputs[0].dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ({"avx2", "avx512f", "avx512_bf16"}, "bfloat16"),
        ({"avx512f", "amx_tile", "amx_bf16"}, "bfloat16"),
        ({"avx2", "avx512f", "avx512_vnni"}, "float32"),
        (set(), "float32"),
    ],
)
def test_processors_that_multiply_bfloat16_learn_in_it(flags: set[str], precision: str) -> None:
    assert choose_precision(flags, gpus=[]) == precision


@pytest.mark.parametrize(
    ("gpus", "precision"),
    [
        ([(9, 0)], "bfloat16"),
        ([(8, 0), (8, 6)], "bfloat16"),
        ([(7, 5)], "float16"),
        ([(9, 0), (7, 0)], "float16"),
    ],
)
def test_a_gpu_decides_before_the_processor_and_the_oldest_of_several_for_all(
    gpus: list[tuple[int, int]], precision: str
) -> None:
    assert choose_precision({"avx2", "amx_bf16"}, gpus) == precision
    assert choose_precision(set(), gpus) == precision


def test_auto_is_what_the_machine_is_quickest_in() -> None:
    with computing_in("auto"):
        chosen = keras.config.dtype_policy().compute_dtype
    assert chosen == choose_precision()


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("without_int8")
def test_a_run_goes_on_in_the_precision_that_it_began_with(small_csv: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPES[Architecture.TINY], epochs=1, batch_size=16)
    began: Precision = "float32" if choose_precision() == "bfloat16" else "bfloat16"
    settings = TrainSettings(small_csv, "hard", Architecture.TINY, recipe, precision=began)
    artifact_dir = run_training(settings, tmp_path)
    assert run_training(dataclasses.replace(settings, precision="auto"), tmp_path) == artifact_dir
    assert read_run_settings(tmp_path).precision == began
    assert keras.saving.load_model(artifact_dir / "model.keras").dtype_policy.name == "float32"
