"""The micro-benchmark of the folded scorer."""

import pytest

from gateway.adapters.scorer_latency import SIZES_BYTES, latencies_us, main, text_of


@pytest.mark.parametrize("size_bytes", SIZES_BYTES)
def test_texts_have_the_size_asked_for(size_bytes: int) -> None:
    assert len(text_of(size_bytes).encode()) == size_bytes


def test_every_round_calls_once_and_the_median_is_below_the_99th_percentile() -> None:
    calls: list[str] = []
    middle, high = latencies_us(calls.append, "text", 100)
    assert calls == ["text"] * 100
    assert 0.0 <= middle <= high


def test_the_command_prints_a_line_per_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rounds", "10"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["200", "2000", "50000"]
