"""TensorFlow and Keras, imported once with the settings that training needs.

Every module of this package that computes with TensorFlow takes `tf` and `keras` from here; the others, `artifact` first
among them, run where TensorFlow isn't installed.
"""

import os
import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from training.fit.settings import Precision

# TensorFlow takes oneDNN's kernels by itself only on processors with AVX-512; with AVX2 alone they are 1.4 times as fast here.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf

__all__ = ["choose_precision", "choose_strategy", "computing_in", "keras", "limit_threads", "tf"]

_BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}
"""On processors with one of them networks learn up to three times as fast in bfloat16; without, bfloat16 is emulated."""
_BFLOAT16_CAPABILITY = (8, 0)
"""NVIDIA's Ampere and later multiply bfloat16 in hardware (CUDA C++ Programming Guide, compute capabilities)."""


@cache
def choose_strategy() -> "tf.distribute.Strategy":
    """Every GPU that there is, each taking memory as it needs it; otherwise the CPU. One for all runs of a process.

    TensorFlow tells what devices exchange apart by numbers that each strategy begins anew; those of a second one would be taken for
    the first one's.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # noqa: FBT003 - TensorFlow's signature
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def limit_threads(count: int) -> None:
    """Compute on that many cores; 0 is all of them. Only before TensorFlow has computed anything."""
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def choose_precision(
    cpu_flags: AbstractSet[str] | None = None, gpus: Sequence[tuple[int, int]] | None = None
) -> Precision:
    """What this machine computes quickest in: 16 bits on a GPU and on processors with instructions for them.

    Of the two kinds bfloat16 where a GPU has it: it needs no scaling of the loss, which costs a tenth of the time.

    `cpu_flags` are what the processor can do, in Linux's names, and `gpus` each GPU's CUDA compute capability; by default this
    machine's.
    """
    capabilities = _list_gpu_capabilities() if gpus is None else gpus
    if capabilities:
        return "bfloat16" if min(capabilities) >= _BFLOAT16_CAPABILITY else "float16"
    return "bfloat16" if _BFLOAT16_FLAGS & (_list_cpu_flags() if cpu_flags is None else cpu_flags) else "float32"


@contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Layers made inside compute in `precision`; their weights stay in 32 bits. "auto" is what `choose_precision` says."""
    chosen = choose_precision() if precision == "auto" else precision
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if chosen == "float32" else f"mixed_{chosen}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(previous)


def _list_gpu_capabilities() -> list[tuple[int, int]]:
    """Of every GPU that TensorFlow sees. One that doesn't say counts as old."""
    gpus = tf.config.list_physical_devices("GPU")
    details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
    return [found.get("compute_capability", (0, 0)) for found in details]


def _list_cpu_flags() -> set[str]:
    """As Linux names them; none elsewhere."""
    try:
        found = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        return set()
    return set(found[1].split()) if found else set()
