"""GPUs: whether there are any, and sharing one among processes."""

import ctypes
import importlib.util
import os
from pathlib import Path
from typing import Any

NVIDIA_DEVICE = Path("/dev/nvidiactl")
"""Is there wherever a process can reach an NVIDIA card, also in a container."""
CUDNN, CUDNN_PACKAGE = "libcudnn.so.9", "nvidia.cudnn"
"""What TensorFlow 2.21 loads of it, and the package that brings it."""
PROCESSES_ON_GPUS = 4
"""Children of a worker that classifies on GPUs, unless somebody says otherwise. Most of a photo's time a child decodes and looks
for faces on a core, so one alone leaves the card idle; but each takes 1 GB of it (an H100), so not one for every core."""
GPU_MEMORY_MB = 4000
"""Resident memory, not the card's, that TensorFlow and CUDA's libraries may take beside what a child may grow to."""


def has_card() -> bool:
    """Whether an NVIDIA card is within reach, and not hidden."""
    return NVIDIA_DEVICE.exists() and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1")


def has_gpu_for_tensorflow() -> bool:
    """Whether a card is within reach, and TensorFlow and CUDA's libraries are installed. Imports no package.

    Without those libraries TensorFlow computes on the CPU, which LiteRT does in less time.
    """
    return has_card() and importlib.util.find_spec("tensorflow") is not None and _has_cuda()


def _has_cuda() -> bool:
    """As packages, where TensorFlow finds it by itself, or for the whole system. cuDNN stands for all of them."""
    whole, _, _ = CUDNN_PACKAGE.partition(".")
    if importlib.util.find_spec(whole) and importlib.util.find_spec(CUDNN_PACKAGE):
        return True
    try:
        ctypes.CDLL(CUDNN)
    except OSError:
        return False
    return True


def takes_gpu(runtime: str) -> bool:
    """Whether a worker child with this EMOSCOPE_RUNTIME classifies on a GPU. Imports no package."""
    return runtime != "litert" and has_gpu_for_tensorflow()


def list_shared_gpus() -> list[Any]:
    """The GPUs that TensorFlow sees, each set to take memory as needed; else the first process takes the whole card.

    Call it before TensorFlow does anything else.
    """
    import tensorflow as tf

    gpus: list[Any] = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, enable=True)
    return gpus
