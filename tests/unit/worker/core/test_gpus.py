"""Finding GPUs and sharing one. TensorFlow's view of the machine is played: no card is needed, nor used."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from worker.core import gpus


@dataclass
class PlayedConfig:
    """What `tf.config` does about cards: lists them, and lets memory growth be set until something was computed."""

    cards: list[str]
    growing: set[str] = field(default_factory=set)
    has_computed: bool = False

    @property
    def experimental(self) -> SimpleNamespace:
        return SimpleNamespace(get_memory_growth=self.growing.__contains__, set_memory_growth=self._set)

    def list_physical_devices(self, kind: str) -> list[str]:
        return self.cards if kind == "GPU" else ["cpu"]

    def _set(self, card: str, *, enable: bool) -> None:
        if self.has_computed:
            raise RuntimeError("Physical devices cannot be modified after being initialized")
        self.growing.add(card) if enable else self.growing.discard(card)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., PlayedConfig]:
    def start(*cards: str) -> PlayedConfig:
        config = PlayedConfig(list(cards))
        module = ModuleType("tensorflow")
        module.config = config  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tensorflow", module)
        return config

    return start


def test_every_card_gives_memory_only_as_it_is_needed(play: Callable[..., PlayedConfig]) -> None:
    config = play("card0", "card1")
    assert gpus.list_shared_gpus() == ["card0", "card1"]
    assert config.growing == {"card0", "card1"}


def test_a_second_detector_or_classifier_of_a_process_finds_the_cards_as_the_first_left_them(
    play: Callable[..., PlayedConfig],
) -> None:
    config = play("card0")
    gpus.list_shared_gpus()
    config.has_computed = True
    assert gpus.list_shared_gpus() == ["card0"]


def test_a_machine_without_cards_has_none(play: Callable[..., PlayedConfig]) -> None:
    play()
    assert gpus.list_shared_gpus() == []


@pytest.mark.parametrize(
    ("device", "visible", "libraries", "found"),
    [
        ("nvidiactl", None, "libc.so.6", "gpu"),
        ("nvidiactl", "0", "libc.so.6", "gpu"),
        ("nvidiactl", None, "libno-such-one.so.9", "none"),
        ("", None, "libc.so.6", "none"),
        ("nvidiactl", "", "libc.so.6", "none"),
        ("nvidiactl", "-1", "libc.so.6", "none"),
    ],
)
def test_a_gpu_is_used_where_one_is_within_reach_not_hidden_and_its_libraries_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, visible: str | None, libraries: str, found: str
) -> None:
    if device:
        (tmp_path / device).touch()
    monkeypatch.setattr(gpus, "NVIDIA_DEVICE", tmp_path / "nvidiactl")
    monkeypatch.setattr(gpus, "CUDNN", libraries)
    monkeypatch.setattr(gpus, "CUDNN_PACKAGE", "missing_nvidia.cudnn")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.has_gpu_for_tensorflow() is (found == "gpu")
    assert gpus.takes_gpu("auto") is gpus.takes_gpu("tensorflow") is (found == "gpu")
    assert not gpus.takes_gpu("litert")


def test_the_packages_of_cuda_are_found_where_the_system_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nvidiactl").touch()
    # Its own name: find_spec("x.cudnn") imports x, which stays in sys.modules for later tests.
    (tmp_path / "installed_nvidia" / "cudnn").mkdir(parents=True)
    monkeypatch.setattr(gpus, "NVIDIA_DEVICE", tmp_path / "nvidiactl")
    monkeypatch.setattr(gpus, "CUDNN", "libno-such-one.so.9")
    monkeypatch.setattr(gpus, "CUDNN_PACKAGE", "installed_nvidia.cudnn")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert not gpus.has_gpu_for_tensorflow()
    monkeypatch.syspath_prepend(tmp_path)
    assert gpus.has_gpu_for_tensorflow()
