"""The chart of copies over time: its steps, its marks, its labels."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingram_assets.desk.pages.chart import ChartSeries, nice_most, step_chart

NOW = datetime(2026, 11, 29, 18, tzinfo=UTC)
ZONE = ZoneInfo("America/Chicago")


def at(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def test_a_value_holds_until_the_next_one_and_the_last_one_until_now():
    chart = step_chart([ChartSeries("Ingram", [(at(4), 100), (at(2), 50)])], NOW, ZONE)
    assert chart is not None
    (line,) = chart.lines
    left, right, top, bottom = chart.left, chart.right, chart.top, chart.bottom
    half = (left + right) / 2
    assert line.path == f"M{left:g} {top:g}H{half:g}V{(top + bottom) / 2:g}H{right:g}"
    assert line.label == "Ingram: 50"


def test_where_nothing_is_known_there_is_a_gap():
    chart = step_chart([ChartSeries("Store", [(at(4), 8), (at(3), None), (at(1), 4)])], NOW, ZONE)
    assert chart is not None
    assert re.fullmatch(r"M[\d.]+ [\d.]+H[\d.]+M[\d.]+ [\d.]+H[\d.]+", chart.lines[0].path)


def test_a_series_that_ends_unknown_says_so():
    chart = step_chart([ChartSeries("Store", [(at(4), 8), (at(3), None)])], NOW, ZONE)
    assert chart is not None
    assert chart.lines[0].label == "Store: not known"


def test_one_reading_alone_is_a_line_to_now():
    chart = step_chart([ChartSeries("Ingram", [(NOW, 3)])], NOW, ZONE)
    assert chart is not None
    assert chart.lines[0].path.endswith(f"H{chart.right:g}")


@pytest.mark.parametrize("values", [(40, 40), (0, 0), (100, 99), (3, 40)])
def test_labels_do_not_cover_each_other_or_leave_the_drawing(values: tuple[int, int]):
    first, second = (ChartSeries(name, [(at(4), value)]) for name, value in zip("AB", values, strict=True))
    chart = step_chart([first, second], NOW, ZONE)
    assert chart is not None
    a, b = (line.label_y for line in chart.lines)
    assert abs(a - b) >= 16
    assert all(0 < y < chart.height for y in (a, b))


def test_nothing_to_draw():
    assert step_chart([], NOW, ZONE) is None
    assert step_chart([ChartSeries("Ingram", []), ChartSeries("Store", [(at(1), None)])], NOW, ZONE) is None


@pytest.mark.parametrize(
    ("value", "most"), [(0, 4), (4, 4), (5, 5), (7, 10), (371, 400), (410, 500), (10_001, 20_000)]
)
def test_the_axis_ends_at_a_round_number(value: float, most: float):
    assert nice_most(value) == most


@pytest.mark.parametrize(("hours", "words"), [(2, "10:00 AM"), (30, "Nov 28, 6:00 AM"), (24 * 9, "Nov 20")])
def test_the_marks_of_time_are_as_fine_as_its_span(hours: float, words: str):
    chart = step_chart([ChartSeries("Ingram", [(at(hours), 1)])], NOW, ZONE)
    assert chart is not None
    assert chart.across[0].words == words
    assert [tick.at for tick in chart.across] == sorted(tick.at for tick in chart.across)
