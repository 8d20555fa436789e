"""Charts as inline SVG, drawn by the server: no script, accessible, themed by the stylesheet.

All shapes are drawn in a square of 100 by 100 that the page stretches to its width; text is placed outside as HTML.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil, floor, isfinite, log10
from typing import TypeVar

from api.web.formatting import NOTHING

_SIDE = 100.0
_UNIT_LABELS = ("0", "0.25", "0.5", "0.75", "1")
_GAP = 0.18
"""Share of a bar's width that stays empty."""


@dataclass(frozen=True)
class Line:
    """A curve. path: SVG path data. tone: CSS class of its colour."""

    path: str
    tone: str
    dots: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Bar:
    """A rectangle with its tooltip."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str


@dataclass(frozen=True)
class Series:
    """Values to draw, one per point on the x axis; None leaves a gap."""

    name: str
    tone: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Chart:
    """A chart for the template: shapes, axes, and all values as a table for screen readers."""

    title: str
    x_labels: tuple[str, ...]
    y_labels: tuple[str, ...]
    legend: tuple[Series, ...]
    table: tuple[tuple[str, ...], ...]
    lines: tuple[Line, ...] = ()
    bars: tuple[Bar, ...] = ()
    grid: tuple[float, ...] = field(default=())
    is_empty: bool = False
    places: tuple[float, ...] = ()
    """Position of each row of the table on the x axis, 0 to 1."""
    moments: tuple[datetime, ...] = ()
    """Time of each row of the table, if the x axis is time."""

    @property
    def x_moments(self) -> tuple[datetime, ...]:
        """Times of the labels on the x axis."""
        return _thin(self.moments, len(self.x_labels))


def draw_lines(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    show: Callable[[float], str] = "{:,.2f}".format,
    low: float | None = 0.0,
    high: float | None = None,
    has_dots: bool = False,
    places: Sequence[float] | None = None,
    moments: Sequence[datetime] = (),
) -> Chart:
    """Draw a line for each series.

    low, high: ends of the y axis; None fits the values.
    places: position of each label on an x axis from 0 to 1; by default evenly spaced. Non-finite values leave a gap, like None.
    moments: times of the labels.
    """
    series = [replace(one, values=[_find_finite(value) for value in one.values]) for one in series]
    known = [value for one in series for value in one.values if value is not None]
    bottom, ticks = _choose_ticks(known, low, high)
    top = ticks[-1]
    step = _SIDE / max(len(labels) - 1, 1)

    def place(index: int, value: float) -> tuple[float, float]:
        across = index * step if places is None else places[index] * _SIDE
        return round(across, 2), round(_SIDE - (value - bottom) / (top - bottom) * _SIDE, 2)

    lines = []
    for one in series:
        spots = [None if value is None else place(index, value) for index, value in enumerate(one.values)]
        dots = tuple(spot for spot in spots if spot is not None) if has_dots else ()
        lines.append(Line(_join(spots), one.tone, dots))
    chart = _finish(title, labels, series, ticks, show, lines=tuple(lines), is_empty=not known)
    last = max(len(labels) - 1, 1)
    spread = tuple(places) if places is not None else tuple(index / last for index in range(len(labels)))
    chart = replace(chart, places=spread, moments=tuple(moments))
    return chart if places is None else replace(chart, x_labels=_UNIT_LABELS)


def draw_stacks(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    show: Callable[[float], str] = "{:,.0f}".format,
    high: float | None = None,
    moments: Sequence[datetime] = (),
) -> Chart:
    """Draw a bar for each point, with the series stacked."""
    totals = [sum(one.values[index] or 0 for one in series) for index in range(len(labels))]
    _, ticks = _choose_ticks(totals, 0.0, high)
    top = ticks[-1]
    place = _SIDE / max(len(labels), 1)
    bars = []
    for index, label in enumerate(labels):
        filled = 0.0
        for one in series:
            value = one.values[index] or 0
            height = value / top * _SIDE
            filled += height
            if value:
                left = round((index + _GAP / 2) * place, 3)
                text = f"{label}: {one.name} {show(value)}"
                bars.append(
                    Bar(left, round(_SIDE - filled, 3), round(place * (1 - _GAP), 3), round(height, 3), one.tone, text)
                )
    chart = _finish(title, labels, series, ticks, show, bars=tuple(bars), is_empty=not any(totals))
    return replace(chart, moments=tuple(moments))


def draw_groups(
    title: str, labels: Sequence[str], series: Sequence[Series], *, show: Callable[[float], str] = "{:.3f}".format
) -> Chart:
    """Draw grouped bars, one group per point, on an axis from 0 to 1."""
    _, ticks = _choose_ticks([1.0], 0.0, 1.0)
    place = _SIDE / max(len(labels), 1)
    width = place * (1 - _GAP * 1.5) / max(len(series), 1)
    bars = []
    for index, label in enumerate(labels):
        for number, one in enumerate(series):
            value = one.values[index] or 0.0
            left = (index + _GAP * 0.75) * place + number * width
            text = f"{label}: {one.name} {show(value)}"
            bars.append(
                Bar(
                    round(left, 3),
                    round(_SIDE * (1 - value), 3),
                    round(width * 0.92, 3),
                    round(_SIDE * value, 3),
                    one.tone,
                    text,
                )
            )
    return _finish(title, labels, series, ticks, show, bars=tuple(bars), is_empty=not labels)


def _find_finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _finish(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    ticks: Sequence[float],
    show: Callable[[float], str],
    *,
    is_empty: bool,
    lines: tuple[Line, ...] = (),
    bars: tuple[Bar, ...] = (),
) -> Chart:
    span = ticks[-1] - ticks[0]
    rows = [
        (label, *(NOTHING if one.values[index] is None else show(one.values[index] or 0.0) for one in series))
        for index, label in enumerate(labels)
    ]
    return Chart(
        title=title,
        x_labels=_thin(labels, _count_shown(labels)),
        y_labels=tuple(_show_tick(tick) for tick in reversed(ticks)),
        legend=tuple(series),
        table=(("", *(one.name for one in series)), *rows),
        lines=lines,
        bars=bars,
        places=tuple((index + 0.5) / max(len(labels), 1) for index in range(len(labels))),
        grid=tuple(round(_SIDE - (tick - ticks[0]) / span * _SIDE, 2) for tick in ticks),
        is_empty=is_empty,
    )


def _join(spots: Sequence[tuple[float, float] | None]) -> str:
    parts, is_down = [], False
    for spot in spots:
        if spot is not None:
            parts.append(f"{'L' if is_down else 'M'}{spot[0]:g} {spot[1]:g}")
        is_down = spot is not None
    return "".join(parts)


def _choose_ticks(values: Sequence[float], low: float | None, high: float | None) -> tuple[float, list[float]]:
    """Return about four round numbers from the bottom to at least the largest value."""
    bottom = low if low is not None else min(values, default=0.0)
    top = high if high is not None else max(values, default=1.0)
    if top <= bottom:
        top = bottom + 1
    rough = (top - bottom) / 4
    power = 10.0 ** floor(log10(rough))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= rough * 0.999)
    if low is None:
        bottom = floor(bottom / step) * step
    count = max(1, ceil((top - bottom) / step - 1e-9))
    return bottom, [bottom + step * index for index in range(count + 1)]


def _show_tick(tick: float) -> str:
    return f"{tick:,.0f}" if abs(tick) >= 1000 else f"{tick:.4g}"  # avoids 0.6000000000000001


def _count_shown(labels: Sequence[str]) -> int:
    """Return how many labels to show: at most seven, or five long ones."""
    if len(labels) <= 7:
        return len(labels)
    return 7 if max(map(len, labels)) <= 6 else 5


Item = TypeVar("Item")


def _thin(items: Sequence[Item], count: int) -> tuple[Item, ...]:
    """Return `count` evenly spaced items, including the first and the last."""
    if count >= len(items) or count < 2:
        return tuple(items)
    step = (len(items) - 1) / (count - 1)
    return tuple(items[round(index * step)] for index in range(count))
