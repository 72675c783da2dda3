"""R1 to R5: two tiers in the domain of training, with few labels, and out of it."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from router_models.benchmarks import HELD_OUT, two_tier_queries
from router_models.partitions import Partition, few_labels, whole_subjects, without_family
from router_models.report import Part, Verdict, joined, verdict
from router_models.two_tiers import Judged, detail, drawn, judge, line, pooled
from router_models.workbench import Bench

LEAST_TESTED: Final = 50
"""Fewer queries than this give no figure worth printing."""

Judge = Callable[[Judged], Verdict]


def r1(bench: Bench) -> Part:
    """Judge MMLU out of fold."""
    return _in_domain(bench, "R1", "mmlu", "MMLU", _r1_verdict)


def r4(bench: Bench) -> Part:
    """Judge GSM8K out of fold."""
    return _in_domain(bench, "R4", "gsm8k", "GSM8K", _r4_verdict)


def r2(bench: Bench) -> Part:
    """Judge MMLU with 1 500 of its labels, alone and beside the data of other families."""
    return joined(
        [
            _few(bench, with_others=False, measured="MMLU, 1 500 labels and nothing else, mean of 3 draws"),
            _few(bench, with_others=True, measured="MMLU, 1 500 labels and other families' data, mean of 3 draws"),
        ]
    )


def r3(bench: Bench) -> Part:
    """Judge MMLU on subjects of which nothing was in training."""
    placed = [bench.place(partition) for partition in whole_subjects(bench.outcomes)]
    judged = pooled(bench, placed, "mmlu")
    title = "R3: MMLU, subjects not in training"
    lines = tuple(
        line("R3", "MMLU, unseen subjects", judged, stage, _r3_verdict(judged[stage])) for stage in _stages(bench)
    )
    return Part(lines, (detail(title, "mmlu", judged),))


def r5(bench: Bench) -> Part:
    """Judge each of RouteLLM's sets with its family left out of training."""
    return joined([_left_out(bench, partition) for partition in without_family(bench.outcomes)])


def _left_out(bench: Bench, partition: Partition) -> Part:
    task, is_strict = partition.name.split("-")[1], partition.name.endswith("-and-options")
    dataset = HELD_OUT[task]
    if (partition.tested & two_tier_queries(bench.outcomes, dataset)).sum() < LEAST_TESTED:
        return Part()
    judged = pooled(bench, [bench.place(partition)], dataset)
    measured = f"{dataset}, nothing of {task} in training{', nor any other set with options' if is_strict else ''}"

    def found(stage: str) -> Verdict:
        return Verdict.FOR_COMPARISON if is_strict else _r5_verdict(dataset, judged[stage])

    lines = tuple(line("R5", measured, judged, stage, found(stage)) for stage in _stages(bench))
    drawings = () if is_strict else (drawn(f"pgr-without-{task}", measured, judged),)
    return Part(lines, (detail(f"R5: {measured}", dataset, judged),), drawings)


def _in_domain(bench: Bench, protocol: str, dataset: str, name: str, verdict_of: Judge) -> Part:
    judged = pooled(bench, bench.folds(), dataset)
    lines = tuple(
        line(protocol, f"{name}, 5 folds", judged, stage, verdict_of(judged[stage])) for stage in _stages(bench)
    )
    drawing = drawn(f"pgr-{dataset}", f"{name}, 5 folds", judged)
    return Part(lines, (detail(f"{protocol}: {name}, 5 folds", dataset, judged),), (drawing,))


def _few(bench: Bench, *, with_others: bool, measured: str) -> Part:
    partitions = list(few_labels(bench.outcomes, bench.seed, with_others=with_others))
    placed = [bench.place(partition) for partition in partitions]
    columns = bench.pair()
    judged = judge(
        bench,
        {
            stage.value: [(each.rows, np.diff(each.chance(stage, columns)).ravel()) for each in placed]
            for stage in bench.stages
        },
    )
    lines = tuple(line("R2", measured, judged, stage, _r2_verdict(judged[stage])) for stage in _stages(bench))
    return Part(lines, (detail(f"R2: {measured}", "mmlu", judged),))


def _stages(bench: Bench) -> Sequence[str]:
    return [stage.value for stage in bench.stages]


def _r1_verdict(found: Judged) -> Verdict:
    calls = found.cpt50 <= 21 and found.cpt80 <= 46
    return verdict(found.apgr.value >= 0.72, found.apgr.value >= 0.75 and calls)


def _r2_verdict(found: Judged) -> Verdict:
    return verdict(found.apgr.value >= 0.66, found.apgr.value >= 0.69)


def _r3_verdict(found: Judged) -> Verdict:
    return verdict(found.apgr.value >= 0.65, found.apgr.value >= 0.68)


def _r4_verdict(found: Judged) -> Verdict:
    return verdict(found.apgr.value >= 0.65, found.apgr.value >= 0.69 and found.cpt80 <= 55)


def _r5_verdict(dataset: str, found: Judged) -> Verdict:
    at = found.apgr.value
    far = {
        "mmlu": at >= 0.62,
        "gsm8k": at >= 0.65,
        "mt_bench": at >= 0.80 and found.cpt50 <= 13.4 and found.cpt80 <= 31.3,
    }
    return verdict(at >= 0.58, far[dataset])
