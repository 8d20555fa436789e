"""TensorFlow and Keras, imported once with the settings that training needs.

Every module of this package that computes with TensorFlow takes `tf` and `keras` from here; the others, `artifact` first
among them, run where TensorFlow isn't installed.
"""

import os

# TensorFlow takes oneDNN's kernels by itself only on processors with AVX-512; with AVX2 alone they are 1.4 times as fast here.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf

__all__ = ["choose_strategy", "keras", "limit_threads", "tf", "use_mixed_precision"]


def choose_strategy() -> "tf.distribute.Strategy":
    """Every GPU that there is, each taking memory as it needs it; otherwise the CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # noqa: FBT003 - TensorFlow's signature
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def limit_threads(count: int) -> None:
    """Compute on that many cores; 0 is all of them. Only before TensorFlow has computed anything."""
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def use_mixed_precision() -> bool:
    """Compute in 16 bits where there is a GPU; weights stay in 32. Returns whether it does."""
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    keras.config.set_dtype_policy("mixed_float16" if has_gpu else "float32")
    return has_gpu
