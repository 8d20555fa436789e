"""Mutates files: bytes changed, pieces removed, moved, repeated, numbers enlarged. Seeded, so that runs can be replayed."""

import random
from collections.abc import Callable
from typing import NamedTuple

from tests.fuzz.files import PhotoFile

_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 9990, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_HEADER_BYTES = 200


class Mutant(NamedTuple):
    """number: with the run's seed, all that is needed to make it again. name: of the file that it was made from."""

    number: int
    name: str
    data: bytes


def make_mutant(files: list[PhotoFile], seed: int, number: int) -> Mutant:
    """Make the mutant of that number."""
    dice = random.Random(f"{seed}-{number}")
    file = files[number % len(files)]
    data = bytearray(file.data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        dice.choice(_WAYS)(data, dice)
    return Mutant(number, file.name, bytes(data))


def _choose_place(data: bytearray, dice: random.Random) -> int:
    """Half of the damage goes to the header, where it does most."""
    length = max(1, len(data))
    return dice.randrange(min(_HEADER_BYTES, length) if dice.random() < 0.5 else length)


def _change_byte(data: bytearray, dice: random.Random) -> None:
    if data:
        data[_choose_place(data, dice)] = dice.randrange(256)


def _flip_bit(data: bytearray, dice: random.Random) -> None:
    if data:
        data[_choose_place(data, dice)] ^= 1 << dice.randrange(8)


def _write_number(data: bytearray, dice: random.Random) -> None:
    """A size, an offset or a count at its limits, in either byte order."""
    width = dice.choice((2, 4))
    number = dice.choice(_NUMBERS) & ((1 << 8 * width) - 1)
    at = _choose_place(data, dice)
    data[at : at + width] = number.to_bytes(width, dice.choice(("big", "little")))


def _cut_out(data: bytearray, dice: random.Random) -> None:
    at = _choose_place(data, dice)
    del data[at : at + dice.choice((1, 2, 4, 17, 300))]


def _cut_off(data: bytearray, dice: random.Random) -> None:
    del data[_choose_place(data, dice) :]


def _repeat(data: bytearray, dice: random.Random) -> None:
    at = _choose_place(data, dice)
    data[at:at] = data[at : at + dice.choice((1, 4, 30, 500))] * dice.choice((1, 2, 9))


def _insert_noise(data: bytearray, dice: random.Random) -> None:
    at = _choose_place(data, dice)
    data[at:at] = dice.randbytes(dice.choice((1, 3, 20, 400)))


def _swap(data: bytearray, dice: random.Random) -> None:
    first, second = sorted(_choose_place(data, dice) for _ in range(2))
    size = dice.choice((4, 16, 64))
    piece = data[first : first + size]
    data[first : first + size] = data[second : second + size]
    data[second : second + size] = piece


_WAYS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _change_byte,
    _flip_bit,
    _write_number,
    _write_number,
    _cut_out,
    _cut_off,
    _repeat,
    _insert_noise,
    _swap,
)
