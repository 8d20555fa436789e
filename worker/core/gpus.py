"""GPUs: detects them, and shares one between processes."""

import ctypes
import importlib.util
import os
from pathlib import Path
from typing import Any

NVIDIA_DEVICE = Path("/dev/nvidiactl")
"""Device file that exists if a process can use an NVIDIA GPU, also in a container."""
CUDNN, CUDNN_PACKAGE = "libcudnn.so.9", "nvidia.cudnn"
"""CUDA library that TensorFlow 2.21 loads, and the package that contains it."""
PROCESSES_ON_GPUS = 4
"""Default number of worker processes per GPU worker. For most of a photo's time a process decodes and detects on a core, so a
single one leaves the GPU idle; but each takes 1 GB of GPU memory (an H100), so not one per core.
"""
GPU_MEMORY_MB = 4000
"""Resident memory, not GPU memory, of TensorFlow and CUDA's libraries, in addition to a process's limit."""


def has_card() -> bool:
    """Return whether an NVIDIA GPU is available and not hidden."""
    return NVIDIA_DEVICE.exists() and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1")


def has_gpu_for_tensorflow() -> bool:
    """Return whether a GPU is available, and TensorFlow and CUDA's libraries are installed. Imports no package.

    Without those libraries TensorFlow runs on the CPU, where LiteRT is faster.
    """
    return has_card() and importlib.util.find_spec("tensorflow") is not None and _has_cuda()


def _has_cuda() -> bool:
    """Return whether CUDA is installed as packages, where TensorFlow finds it, or system-wide. cuDNN stands for all libraries."""
    whole, _, _ = CUDNN_PACKAGE.partition(".")
    if importlib.util.find_spec(whole) and importlib.util.find_spec(CUDNN_PACKAGE):
        return True
    try:
        ctypes.CDLL(CUDNN)
    except OSError:
        return False
    return True


def takes_gpu(runtime: str) -> bool:
    """Return whether a worker process with this EMOSCOPE_RUNTIME classifies on a GPU. Imports no package."""
    return runtime != "litert" and has_gpu_for_tensorflow()


def list_shared_gpus() -> list[Any]:
    """Return TensorFlow's GPUs, each set to allocate memory on demand; otherwise the first process would take the whole GPU.

    Call it before any other use of TensorFlow.
    """
    import tensorflow as tf

    gpus: list[Any] = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, enable=True)
    return gpus
