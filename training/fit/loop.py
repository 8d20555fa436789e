"""The training loop. It stores the state in the run's folder after each epoch."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.augment import augment_batch
from training.data.augmentation import Augmentation
from training.data.batches import Examples, make_batches
from training.errors import RunStopped, TrainingDiverged
from training.fit.distill import Student, Teachers
from training.fit.run_state import EpochMetrics, RunState
from training.fit.runtime import keras, tf
from training.fit.settings import Recipe
from training.networks.normalize import normalize_faces


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a run. epoch counts from 1; loss and accuracy are this epoch's so far; `last` is the last finished epoch."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    seconds_left: float
    last: EpochMetrics | None


ProgressCallback = Callable[[Progress], None]
StopQuestion = Callable[[], bool]
Predict = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]

_EVALUATED_AT_ONCE = 256


def fit_network(
    network: "keras.Model",
    training: Examples,
    validation: Examples,
    recipe: Recipe,
    run_dir: Path,
    *,
    seed: int,
    teachers: Teachers | None = None,
    progress: ProgressCallback,
    should_stop: StopQuestion,
) -> RunState:
    """Train `network` from the state in `run_dir` to the recipe's last epoch, and set it to the best epoch's weights.

    teachers: their predictions are the recipe's `teacher_share` of each target. A recipe without epochs leaves the weights
    unchanged. Raises RunStopped soon after `should_stop` returns true, losing the unfinished epoch, and TrainingDiverged as soon
    as a loss isn't finite.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    if not recipe.epochs:
        RunState(run_dir).keep_initial(network.get_weights())
        return RunState(run_dir)
    steps = max(1, len(training.images) // recipe.batch_size)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    student = network if teachers is None else Student(network, teachers, recipe.teacher_share)
    student.compile(_make_optimizer(recipe, steps), loss, weighted_metrics=["accuracy"], jit_compile=False)
    optimizer = student.optimizer  # Keras wraps it in 16-bit precision
    optimizer.build(network.trainable_variables)
    variables = [*network.variables, *optimizer.variables]
    state = RunState(run_dir)
    if state.epochs_done:
        state.load_variables(variables)
    predict = make_predictor(network, recipe.input_size, normalized=recipe.normalized)
    watch = _Watch(state, variables, predict, validation, recipe, steps, progress, should_stop)
    while state.epochs_done < recipe.epochs:
        first = state.epochs_done
        side = recipe.find_input_size(first)
        stop = next(
            (epoch for epoch in range(first, recipe.epochs) if recipe.find_input_size(epoch) != side), recipe.epochs
        )
        epochs = range(first, stop)
        shown_side = None if teachers is None else max(side, teachers.side)
        batches = make_batches(training, recipe, seed=seed, epochs=epochs, side=side, shown_side=shown_side)
        student.make_train_function(force=True)  # traced for this side only, as in a run resumed here
        student.fit(
            batches,
            initial_epoch=first,
            epochs=stop,
            steps_per_epoch=steps,
            callbacks=[watch],
            shuffle=False,
            verbose=0,
        )
        if state.epochs_done < recipe.epochs:
            # Keras leaves the EMA weights in the network; the next stage needs the others
            state.load_variables(variables)
    network.set_weights(state.load_best())
    return state


def make_predictor(network: "keras.Model", side: int, *, normalized: bool = False) -> Predict:
    """Return a function from uint8 images (N, 48, 48) to the network's logits, float32 (N, 7), with its current weights.

    side: input size in pixels. normalized: as in the recipe.
    """

    def infer(faces: "tf.Tensor") -> "tf.Tensor":
        seen = augment_batch(faces, Augmentation(), seed=tf.constant([0, 0]), side=side)
        return network(normalize_faces(seen) if normalized else seen, training=False)

    traced = tf.function(infer, reduce_retracing=True)

    def predict(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        starts = range(0, len(images), _EVALUATED_AT_ONCE)
        batches = (images[start : start + _EVALUATED_AT_ONCE, ..., None] for start in starts)
        return np.concatenate([traced(tf.constant(batch)).numpy() for batch in batches])

    return predict


def _make_optimizer(recipe: Recipe, steps: int) -> "keras.optimizers.Optimizer":
    rate = recipe.learning_rate
    if recipe.schedule == "inverse":
        schedule = keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=1e-6)
    else:
        warmup = round(recipe.warmup_epochs * steps)
        schedule = keras.optimizers.schedules.CosineDecay(
            rate / 100, max(1, recipe.epochs * steps - warmup), warmup_target=rate, warmup_steps=warmup
        )
    ema = {"use_ema": recipe.ema > 0, "ema_momentum": recipe.ema or None}
    if not recipe.weight_decay:
        return keras.optimizers.Adam(schedule, **ema)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, **ema)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class _Watch(keras.callbacks.Callback):  # type: ignore[misc] # Keras ships no types
    """Reports progress, checks whether to stop, and stores each finished epoch."""

    def __init__(
        self,
        state: RunState,
        variables: list["keras.Variable"],
        predict: Predict,
        validation: Examples,
        recipe: Recipe,
        steps: int,
        progress: ProgressCallback,
        should_stop: StopQuestion,
    ) -> None:
        super().__init__()
        self._state, self._variables, self._predict, self._validation = state, variables, predict, validation
        self._epochs, self._monitor, self._steps = recipe.epochs, recipe.monitor, steps
        self._progress, self._should_stop = progress, should_stop
        self._started = self._reported = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._started = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._should_stop():
            raise RunStopped(f"stopped after {self._state.epochs_done} of {self._epochs} epochs")
        logs = logs or {}
        _check_loss(logs["loss"], self._state.epochs_done + 1)
        # The last batch is reported with its epoch, which isn't finished before it is evaluated and stored.
        if batch + 1 < self._steps and time.monotonic() - self._reported > 1:
            self._report(batch + 1, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        raw = [np.asarray(variable) for variable in self.model.trainable_variables]
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        val_loss, val_accuracy = _evaluate(self._predict, self._validation)
        _check_loss(val_loss, epoch + 1)  # the last step can break the weights after its own loss was computed
        weights = self.model.get_weights()
        for variable, value in zip(self.model.trainable_variables, raw, strict=True):
            variable.assign(value)
        seconds = time.monotonic() - self._started
        figures = EpochMetrics(epoch + 1, logs["loss"], logs["accuracy"], val_loss, val_accuracy, seconds)
        self._state.finish_epoch(figures, self._variables, weights, self._monitor)
        self._report(self._steps, logs)

    def _report(self, step: int, logs: dict[str, float]) -> None:
        self._reported = time.monotonic()
        done, curves = self._state.epochs_done, self._state.curves
        epoch = done if step == self._steps else done + 1
        recent = [figures.seconds for figures in curves[-3:]]
        epoch_s = sum(recent) / len(recent) if recent else (time.monotonic() - self._started) / step * self._steps
        left = (self._epochs - epoch) * epoch_s + epoch_s * (1 - step / self._steps)
        last = curves[-1] if curves else None
        self._progress(Progress(epoch, self._epochs, step, self._steps, logs["loss"], logs["accuracy"], left, last))


def _check_loss(loss: float, epoch: int) -> None:
    if not isfinite(loss):
        raise TrainingDiverged(f"training diverged: the loss is {loss} in epoch {epoch}; try a lower learning rate")


def _evaluate(predict: Predict, examples: Examples) -> tuple[float, float]:
    logits = predict(examples.images)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -(examples.targets * log_probabilities).sum(axis=1).mean()
    return float(loss), float((logits.argmax(axis=1) == examples.targets.argmax(axis=1)).mean())
