"""Detects programs that hang, stopped or stuck in native code. They don't exit, so the supervisor kills them."""

import time
from collections.abc import Iterable
from pathlib import Path

from emoscope.pulse import FROZEN_AFTER_S, PulseObserver, list_pulses

_LOOK_EVERY_S = 2.0


class FrozenPrograms:
    """Watches the heartbeat files of programs."""

    def __init__(
        self, data_dir: Path, *, look_every_s: float = _LOOK_EVERY_S, frozen_after_s: float = FROZEN_AFTER_S
    ) -> None:
        """look_every_s: at the most, however often it is asked. frozen_after_s: without a beat."""
        self._data_dir = data_dir
        self._look_every_s, self._frozen_after_s = look_every_s, frozen_after_s
        self._observers: dict[int, PulseObserver] = {}
        self._looked_at = 0.0

    def find(self, pids: Iterable[int]) -> list[int]:
        """Return the programs that hang. Checks at most every two seconds."""
        now = time.monotonic()
        if now - self._looked_at < self._look_every_s:
            return []
        self._looked_at = now
        known = set(pids)
        found = {pulse.pid: pulse for pulse in list_pulses(self._data_dir) if pulse.pid in known}
        self._observers = {
            pid: self._observers.get(pid) or PulseObserver(pulse, self._frozen_after_s) for pid, pulse in found.items()
        }
        return [pid for pid, observer in self._observers.items() if observer.is_frozen(now)]
