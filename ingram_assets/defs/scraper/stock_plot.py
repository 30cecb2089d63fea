"""One title's stock over time, as a small picture: Dagster plots an asset's numbers, but not one partition's.

Each reading carries the last changes along, so that drawing them needs no other event.
"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape

Point = tuple[int, int]
"""When (seconds since 1970) a title had how many copies on hand."""

AT_MOST = 60
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 200, 60, 30


def extended(history: Sequence[Sequence[int]], at: float, on_hand: int | None) -> list[Point]:
    """The history with a reading more, if it is a change; the last changes of many."""
    points = [(int(when), int(copies)) for when, copies in history]
    if on_hand is None or (points and points[-1][1] == on_hand):
        return points
    return [*points, (int(at), on_hand)][-AT_MOST:]


def plot(history: Sequence[Point], until: float, title: str) -> str:
    """Copies on hand as steps from change to change until now, as Markdown with the picture in it."""
    first, most = history[0][0], max(1, *(copies for _, copies in history))
    span = max(1.0, until - first)

    def x(at: float) -> int:
        return round(_LEFT + (at - first) / span * (_WIDTH - _LEFT - 10))

    def y(copies: float) -> int:
        return round(_HEIGHT - _BOTTOM - copies / most * (_HEIGHT - _BOTTOM - 15))

    steps = f"M{x(first)} {y(history[0][1])}"
    steps += "".join(f"H{x(at)}V{y(copies)}" for at, copies in history[1:]) + f"H{x(until)}"
    words = [
        (_LEFT - 6, y(most) + 4, "end", f"{most:,}"),
        (_LEFT - 6, y(0) + 4, "end", "0"),
        (_LEFT, _HEIGHT - 8, "start", _moment(first)),
        (_WIDTH - 10, _HEIGHT - 8, "end", _moment(until)),
    ]
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>'
        f'<path d="M{_LEFT} {y(most)}V{y(0)}H{_WIDTH - 10}" fill="none" stroke="#bbb"/>'
        f'<path d="{steps}" fill="none" stroke="#4f43dd" stroke-width="2"/>'
        + "".join(
            f'<text x="{left}" y="{top}" text-anchor="{anchor}">{escape(text)}</text>'
            for left, top, anchor, text in words
        )
        + "</svg>"
    )
    encoded = base64.b64encode(drawing.encode()).decode()
    alt = title.translate(str.maketrans("", "", "[]\\`<>"))
    return f"![copies of {alt} on hand](data:image/svg+xml;base64,{encoded})"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
