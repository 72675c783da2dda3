"""Timing the difficulty model: every stage really scores, and time is counted right."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

from gateway.domain.ability import Score
from load_tests.__main__ import main
from load_tests.scoring import LOOP, TEXTS, Cell, Stage, plain_loop, request_of, scoring_table, stages_of, timed
from router_models.latency import served
from tests.support.artefacts import packaged

ARTEFACT = packaged()
TIERS = list(ARTEFACT.catalogue.references.values())[:2]


def test_requests_have_their_length_and_differ() -> None:
    texts = [request_of(2_000, number).user_text for number in range(3)]
    assert {len(text) for text in texts} == {2_000}
    assert len(set(texts)) == 3


def test_every_stage_scores_and_a_later_one_asks_those_before() -> None:
    asked: list[str] = []
    folded = stages_of(ARTEFACT, None)[0].score

    def encoder(request: object) -> Score:
        asked.append("encoder")
        return replace(folded(request_of(200, 0)), scorer="encoder")

    stages = stages_of(ARTEFACT, encoder)
    scores = [stage.score(request_of(stage.characters, 1)) for stage in stages]
    assert asked == ["encoder"]
    assert all(score.is_known for score in scores)
    assert scores[2].latent != scores[0].latent


def test_the_median_and_the_99th_of_a_hundred_are_those_of_the_clock() -> None:
    # The clock is read twice for each text tried before, then three times a call, of which each takes a microsecond
    # more than the one before, and the loop after it two.
    before = [0, 0] * TEXTS
    calls = [each for call in range(100) for each in (0, call * 1_000, 2_000)]
    clock = itertools.accumulate([*before, *calls])
    stage = Stage("made", "short", 100, 0, 0, stages_of(ARTEFACT, None)[0].score)
    cell = timed(stage, TIERS, 100, now_ns=lambda: next(clock))
    assert (cell.p50_us, cell.p99_us, cell.loop_us) == (50.0, 99.0, 2.0)
    assert plain_loop() == sum(range(LOOP))


def test_the_table_shows_a_limit_only_where_there_is_one() -> None:
    table = scoring_table([Cell("a", "2 kB", 1.0, 2.0, 25, 0, 5.0), Cell("b", "2 kB", 1.0, 2.0, 0, 0, 5.0)])
    assert list(table.columns[-3].cells) == ["25", ""]


def test_the_model_card_can_quote_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "latency.json"
    assert main(["scoring", "--rounds", "100", "--encoder-rounds", "2", "--json", str(path)]) == 0
    told = json.loads(path.read_text("utf-8"))
    is_without_encoder = not any("encoder" in cell["stage"] for cell in told["cells"])
    assert len(served(path).lines) == len(told["cells"]) + is_without_encoder >= 5
    assert all(cell["loop_us"] > 0 for cell in told["cells"])
    assert main(["scoring", "--artefact", str(tmp_path)]) == 2
