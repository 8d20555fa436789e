"""GPUs: whether there are any, and sharing one among processes."""

import importlib.util
import os
from pathlib import Path
from typing import Any

NVIDIA_DEVICE = Path("/dev/nvidiactl")
"""Is there wherever a process can reach an NVIDIA card, also in a container."""


def has_gpu_for_tensorflow() -> bool:
    """Whether a GPU is within reach and TensorFlow is installed. Imports nothing."""
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return NVIDIA_DEVICE.exists() and not is_hidden and importlib.util.find_spec("tensorflow") is not None


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
