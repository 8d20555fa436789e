import math

from api.web.charts import Series, draw_groups, draw_lines, draw_stacks


def test_lines_reach_from_edge_to_edge_and_break_where_nothing_is_known() -> None:
    chart = draw_lines("t", ["a", "b", "c", "d"], [Series("s", "first", [0.0, 1.0, None, 0.5])], high=1.0)
    [line] = chart.lines
    assert line.path == "M0 100L33.33 0M100 50"
    assert chart.y_labels == ("1", "0.75", "0.5", "0.25", "0")
    assert chart.table == (("", "s"), ("a", "0.00"), ("b", "1.00"), ("c", "\N{EN DASH}"), ("d", "0.50"))


def test_places_lie_where_they_are_said_to() -> None:
    series = [Series("s", "first", [0.5, 0.75, 1.0])]
    chart = draw_lines("t", ["a", "b", "c"], series, high=1.0, has_dots=True, places=[0.3, 0.31, 0.986])
    [line] = chart.lines
    assert line.path == "M30 50L31 25L98.6 0"
    assert line.dots == ((30.0, 50.0), (31.0, 25.0), (98.6, 0.0))
    assert chart.x_labels == ("0", "0.25", "0.5", "0.75", "1")


def test_a_value_that_is_no_finite_number_leaves_a_gap() -> None:
    values = [0.0, math.nan, 0.5, math.inf]
    chart = draw_lines("t", ["a", "b", "c", "d"], [Series("s", "first", values)], high=1.0)
    assert chart == draw_lines("t", ["a", "b", "c", "d"], [Series("s", "first", [0.0, None, 0.5, None])], high=1.0)


def test_stacked_bars_stand_on_each_other_and_fit_under_the_highest_tick() -> None:
    chart = draw_stacks("t", ["a", "b"], [Series("x", "good", [3, 0]), Series("y", "bad", [4, 0])])
    below, above = chart.bars
    assert below.y + below.height == 100
    assert round(above.y + above.height, 2) == round(below.y, 2)
    assert above.y >= 0
    assert (below.title, above.title) == ("a: x 3", "a: y 4")


def test_groups_stay_inside_their_places() -> None:
    series = [Series(str(number), "first", [1.0, 0.0]) for number in range(3)]
    chart = draw_groups("t", ["a", "b"], series)
    assert max(bar.x + bar.width for bar in chart.bars if bar.title.startswith("a")) < 50
    assert min(bar.x for bar in chart.bars if bar.title.startswith("b")) > 50


def test_a_chart_without_values_says_so() -> None:
    assert draw_stacks("t", ["a"], [Series("x", "good", [0])]).is_empty
    assert draw_lines("t", ["a"], [Series("x", "good", [None])]).is_empty
    assert not draw_lines("t", ["a"], [Series("x", "good", [0.0])]).is_empty


def test_many_labels_are_thinned_to_seven_with_the_first_and_last() -> None:
    labels = [str(number) for number in range(48)]
    shown = draw_stacks("t", labels, [Series("x", "good", [1] * 48)]).x_labels
    assert (len(shown), shown[0], shown[-1]) == (7, "0", "47")


def test_ticks_are_written_as_short_as_they_are() -> None:
    drawn = draw_lines("Share", ["1", "2"], [Series("s", "first", [0.45, 0.93])], low=None, high=1.0)
    assert drawn.y_labels == ("1", "0.8", "0.6", "0.4")
