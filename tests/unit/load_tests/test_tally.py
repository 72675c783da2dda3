"""The sums of a load."""

from load_tests.tally import Tally, report_from_json, spread


def test_percentiles_are_times_that_were_measured() -> None:
    found = spread(list(range(1, 101)))
    assert found is not None
    assert (found.n, found.mean, found.p50, found.p90, found.p99, found.max) == (100, 50.5, 50, 90, 99, 100)


def test_nothing_has_no_percentiles() -> None:
    assert spread([]) is None


def test_one_time_is_every_percentile() -> None:
    found = spread([7])
    assert found is not None
    assert (found.p50, found.p99, found.max) == (7, 7, 7)


def test_only_what_is_recorded_counts() -> None:
    tally = Tally()
    _fill(tally)
    tally.recording = True
    _fill(tally)
    report = tally.report(2.0, unanswered=3)
    assert (report.good, report.bad, report.chunks, report.reconnects, report.issued_late) == (1, 1, 1, 1, 1)
    assert (report.requests_per_s, report.chunks_per_s, report.unanswered) == (0.5, 0.5, 3)
    assert report.to_json()["first_bad"] == "503 no"


def test_who_is_turned_away_is_counted_with_whether_it_was_told_when_to_come_again() -> None:
    tally = Tally(recording=True)
    tally.add_shed(10, says_when=True)
    tally.add_shed(20, says_when=False)
    report = report_from_json(tally.report(1.0, unanswered=0).to_json())
    assert (report.good, report.shed, report.shed_unexplained) == (0, 2, 1)
    assert report.shed_us is not None
    assert report.shed_us.max == 20


def test_a_load_of_no_length_has_no_rate() -> None:
    assert Tally().report(0.0, 0).requests_per_s == 0.0


def _fill(tally: Tally) -> None:
    tally.add_good(10, first_token_us=5)
    tally.add_bad("503 no")
    tally.add_chunk(1)
    tally.add_reconnect()
    tally.add_late()
