"""Numbers by label, and their text form."""

import math

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.metrics_cells import Counts, Spread, head_lines, number_lines, spread_lines
from gateway.adapters.metrics_shape import Kind, Metric
from tests.support.prometheus import read_series

COUNTED = Metric("a_total", Kind.COUNTER, ("who",), 'Says "hi",\nand a \\.')
SPREAD = Metric("b_seconds", Kind.HISTOGRAM, ("who",), "Help.", (0.1, 1.0))


def test_counts_add_up_by_label() -> None:
    counts = Counts(COUNTED)
    counts.add(("a",))
    counts.add(("a",), 4)
    counts.add(("b",))
    assert counts.samples() == {("a",): 5, ("b",): 1}


def test_a_bound_is_inside_its_bucket() -> None:
    spread = Spread(SPREAD)
    for value in (0.0, 0.1, 0.2, 1.0, 1.1, math.inf):
        spread.observe(("a",), value)
    [(labels, counts, total)] = spread.samples()
    assert (labels, counts, total) == (("a",), [2, 2, 2], math.inf)


def test_buckets_are_told_cumulatively_with_sum_and_count() -> None:
    spread = Spread(SPREAD)
    for value in (0.05, 0.5, 0.5, 5.0):
        spread.observe(("a",), value)
    assert list(spread_lines(spread, "0")) == [
        'b_seconds_bucket{who="a",worker="0",le="0.1"} 1',
        'b_seconds_bucket{who="a",worker="0",le="1.0"} 3',
        'b_seconds_bucket{who="a",worker="0",le="+Inf"} 4',
        'b_seconds_sum{who="a",worker="0"} 6.05',
        'b_seconds_count{who="a",worker="0"} 4',
    ]


def test_help_escapes_backslashes_and_line_ends() -> None:
    assert list(head_lines(COUNTED)) == ['# HELP a_total Says "hi",\\nand a \\\\.', "# TYPE a_total counter"]


def test_a_scale_divides_what_is_told() -> None:
    metric = Metric("c_usd_total", Kind.COUNTER, (), "Help.", scale=10**9)
    assert list(number_lines(metric, [((), 1_500_000_000)], "0")) == ['c_usd_total{worker="0"} 1.5']


@given(st.text(max_size=40))
def test_no_label_value_breaks_out_of_its_quotes(value: str) -> None:
    [line] = number_lines(COUNTED, [((value,), 1)], "0")
    assert "\n" not in line
    unquoted = line.removeprefix('a_total{who="').removesuffix('",worker="0"} 1')
    assert unquoted.replace("\\\\", "").replace('\\"', "").replace("\\n", "").find('"') == -1
    read_back = unquoted.replace("\\\\", "\0\0").replace('\\"', '"').replace("\\n", "\n").replace("\0\0", "\\")
    assert read_back == value or "\0" in value


def test_a_strict_reader_reads_what_is_told() -> None:
    counts = Counts(COUNTED)
    counts.add(('quote " and \\',), 2)
    text = "\n".join([*head_lines(COUNTED), *number_lines(COUNTED, counts.samples().items(), "0")]) + "\n"
    assert read_series(text) == {'a_total{who="quote \\" and \\\\",worker="0"}': 2.0}
