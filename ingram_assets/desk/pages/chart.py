"""A chart of copies over time as the numbers of an SVG: steps, told apart by dashes and by words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

WIDTH, HEIGHT = 760, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 130, 14, 34
_LABEL_APART = 16.0
_SHORTEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ChartSeries:
    """Copies from each moment on, oldest first; `None`: not known from then on. `name`: in a few words."""

    name: str
    points: Sequence[tuple[datetime, float | None]]


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A series as it is drawn: its path, and where its label stands, beside its last value."""

    name: str
    path: str
    label: str
    label_y: float


@dataclass(frozen=True, slots=True)
class ChartTick:
    """A mark of an axis, in units of the drawing."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class StepChart:
    """A drawing of `WIDTH` by `HEIGHT`; the plot lies between `left`, `right`, `top` and `bottom`."""

    lines: tuple[ChartLine, ...]
    across: tuple[ChartTick, ...]
    up: tuple[ChartTick, ...]
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def step_chart(series: Sequence[ChartSeries], now: datetime, zone: ZoneInfo) -> StepChart | None:
    """The chart of these series up to now; `None` where there is nothing to draw."""
    series = [one for one in series if any(value is not None for _, value in one.points)]
    if not series:
        return None
    first = min(at for one in series for at, _ in one.points)
    first = min(first, now - _SHORTEST)
    most = nice_most(max(value for one in series for _, value in one.points if value is not None))
    frame = StepChart((), (), ())

    def x(at: datetime) -> float:
        share = (min(at, now) - first) / (now - first)
        return round(frame.left + share * (frame.right - frame.left), 1)

    def y(value: float) -> float:
        return round(frame.bottom - value / most * (frame.bottom - frame.top), 1)

    lines: list[ChartLine] = []
    for one in series:
        last = one.points[-1][1]
        label_y = frame.top + 4.0 if last is None else y(last) + 4
        while any(abs(label_y - other.label_y) < _LABEL_APART for other in lines):
            # Upwards where there is no room below.
            label_y += _LABEL_APART if label_y + _LABEL_APART < frame.bottom else -_LABEL_APART * 3
        label = f"{one.name}: {'not known' if last is None else f'{last:,.0f}'}"
        path = _path([(x(at), None if value is None else y(value)) for at, value in one.points], x(now))
        lines.append(ChartLine(one.name, path, label, round(label_y, 1)))
    marks = [first + (now - first) * part / 3 for part in range(4)]
    across = tuple(ChartTick(x(at), _moment(at, now - first, zone)) for at in marks)
    up = tuple(ChartTick(y(value), f"{value:,.0f}") for value in _marks_up(most))
    return StepChart(tuple(lines), across, up)


def nice_most(value: float) -> float:
    """The end of an axis: 1, 2 or 5 times a power of ten, not below the value, and at least 4."""
    power = 1.0
    while True:
        for factor in (1, 2, 4, 5):
            if factor * power >= max(4.0, value):
                return factor * power
        power *= 10


def _marks_up(most: float) -> list[float]:
    return [0, most / 2, most]


def _path(points: Sequence[tuple[float, float | None]], end: float) -> str:
    """Steps: a value holds until the next one; where none is known there is a gap."""
    parts, drawn = [], False
    for place, (x, y) in enumerate(points):
        if drawn:
            parts.append(f"H{x:g}")
        if y is None:
            drawn = False
        elif drawn:
            parts.append(f"V{y:g}")
        else:
            parts.append(f"M{x:g} {y:g}")
            drawn = True
        if drawn and place == len(points) - 1:
            parts.append(f"H{end:g}")
    return "".join(parts)


def _moment(at: datetime, span: timedelta, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    day = f"{local:%b} {local.day}"
    if span > timedelta(days=3):
        return day
    hour = f"{local.hour % 12 or 12}:{local:%M} {'AM' if local.hour < 12 else 'PM'}"
    return hour if span < timedelta(hours=12) else f"{day}, {hour}"
