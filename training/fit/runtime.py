"""Imports TensorFlow and Keras once, configured for training.

Modules of this package that use TensorFlow import `tf` and `keras` from here; all others, such as `artifact`, work without
TensorFlow.
"""

import os
import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from training.fit.settings import Precision

# TensorFlow enables oneDNN by default only with AVX-512; with AVX2 alone it is 1.4 times as fast here.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf

__all__ = ["choose_precision", "choose_strategy", "computing_in", "keras", "limit_threads", "tf"]

_BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}
"""Processors with one of these train up to three times as fast in bfloat16; others emulate it."""
_BFLOAT16_CAPABILITY = (8, 0)
"""NVIDIA's Ampere and later multiply bfloat16 in hardware (CUDA C++ Programming Guide, compute capabilities)."""


@cache
def choose_strategy() -> "tf.distribute.Strategy":
    """Return the strategy for all GPUs, each allocating memory on demand, or for the CPU. One per process.

    Each strategy numbers its collective operations from the start, so those of a second one would be mixed up with the first
    one's.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # noqa: FBT003 - TensorFlow's signature
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def limit_threads(count: int) -> None:
    """Limit the number of cores; 0 uses all. Call it before any TensorFlow computation."""
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def choose_precision(
    cpu_flags: AbstractSet[str] | None = None, gpus: Sequence[tuple[int, int]] | None = None
) -> Precision:
    """Return the fastest precision of this machine: 16 bits on a GPU and on processors with instructions for them.

    bfloat16 is preferred on GPUs that support it: it needs no loss scaling, which costs a tenth of the time.
    cpu_flags: capabilities of the processor, in Linux's names.
    gpus: CUDA compute capability of each GPU. Default: this machine's.
    """
    capabilities = _list_gpu_capabilities() if gpus is None else gpus
    if capabilities:
        return "bfloat16" if min(capabilities) >= _BFLOAT16_CAPABILITY else "float16"
    return "bfloat16" if _BFLOAT16_FLAGS & (_list_cpu_flags() if cpu_flags is None else cpu_flags) else "float32"


@contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Context in which new layers compute in `precision`; their weights stay in float32. "auto" is the result of
    `choose_precision`.
    """
    chosen = choose_precision() if precision == "auto" else precision
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if chosen == "float32" else f"mixed_{chosen}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(previous)


def _list_gpu_capabilities() -> list[tuple[int, int]]:
    """Return the compute capability of each GPU that TensorFlow sees. One that reports none counts as old."""
    gpus = tf.config.list_physical_devices("GPU")
    details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
    return [found.get("compute_capability", (0, 0)) for found in details]


def _list_cpu_flags() -> set[str]:
    """Return the processor's flags in Linux's names; empty elsewhere."""
    try:
        found = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        return set()
    return set(found[1].split()) if found else set()
