"""What each figure is compared with: the goals, what others published, and simple routers measured on the same data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from router_models.report import Line, Table

ROUTELLM: Final = "RouteLLM"
"""Ong et al. 2024, "RouteLLM: Learning to Route LLMs with Preference Data", arXiv 2406.18665."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What a protocol is to reach, and what is known of it from elsewhere."""

    what: str
    goal: str
    moonshot: str
    known: str


AIMS: Final[Mapping[str, Aim]] = {
    "R1": Aim(
        "APGR, MMLU, 5 folds",
        "≥ 0.72",
        "≥ 0.75, CPT(50) ≤ 21 %, CPT(80) ≤ 46 %",
        "RouteLLM 0.603, 35.4 %, 70.3 %; ensemble 0.695, 25.9 %, 54.9 %",
    ),
    "R2": Aim("APGR, MMLU, 1 500 labels", "≥ 0.66", "≥ 0.69", "RouteLLM 0.603; ensemble 0.634"),
    "R3": Aim("APGR, MMLU, unseen subjects", "≥ 0.65", "≥ 0.68", "ensemble 0.625"),
    "R4": Aim(
        "APGR, GSM8K, 5 folds",
        "≥ 0.65",
        "≥ 0.69, CPT(80) ≤ 55 %",
        "RouteLLM (8 B parameters) 0.622, 33.6 %, 63.3 %; ensemble 0.631, 35.4 %, 60.5 %",
    ),
    "R5": Aim(
        "APGR, family not in training",
        "each ≥ 0.58",
        "MMLU ≥ 0.62, GSM8K ≥ 0.65, MT-Bench ≥ 0.80 with CPT(50) ≤ 13.4 %, CPT(80) ≤ 31.3 %",
        "RouteLLM, arena data only: MMLU 0.47–0.52, MT-Bench 0.610 (0.802 with a judge's labels); "
        "ensemble: MMLU 0.45, GSM8K 0.582, MT-Bench 0.753",
    ),
    "R6": Aim(
        "cost at 99 % of the strongest tier's quality, % of always strongest",
        "15 points below the zero-router",
        "half of the zero-router's",
        "ensemble, 5 folds of ZeroEval: 51.8 against 83.5 (GPT-4o), 91.7 against 94.5 (Claude)",
    ),
    "R7": Aim("share of the oracle's gap closed (AIQ)", "≥ 0.30", "≥ 0.45", "ensemble 0.17 (GPT-4o), 0.13 (Claude)"),
    "R8": Aim(
        "calibration error, debiased",
        "≤ 0.02; family not in training ≤ 0.05",
        "≤ 0.01; ≤ 0.03",
        "MiniLM, ridge and kNN: 0.030 and 0.026 (MMLU), 0.045 (GSM8K), not debiased",
    ),
    "R9": Aim(
        "guarantee at α = 0.15, δ = 0.1",
        "≤ 10 % of runs violate, weak share ≥ 0.45",
        "≤ 10 %, ≥ 0.60",
        "MiniLM, ridge and kNN: 18 % of runs, share 0.51",
    ),
    "R10": Aim(
        "decisions flipped by edits that keep the meaning",
        "≤ 5 %; pleas move cost ≤ 1 %",
        "≤ 2 %; ≤ 0.2 %",
        "other routers: up to about 98 % (arXiv 2504.07113)",
    ),
    "R11": Aim(
        "time a score takes, 128 tokens, one thread",
        "p50 ≤ 3 ms, p99 ≤ 15 ms, APGR lost ≤ 0.005",
        "p50 ≤ 1 ms, p99 ≤ 8 ms",
        "MiniLM fp32 47 ms, int8 26 ms",
    ),
    "R12": Aim(
        "APGR, MMLU not in training, after n labels",
        "0: ≥ 0.58, 200: ≥ 0.61, 1 000: ≥ 0.64",
        "50: ≥ 0.60, 1 000: ≥ 0.66",
        "ensemble fitted anew on 1 500: 0.634",
    ),
}

ROUTELLM_ROWS: Final[Mapping[str, tuple[tuple[str, str, str, str], ...]]] = {
    "mmlu": (
        ("RouteLLM, arena and 1 500 MMLU labels, similarity ranking", "0.603", "35.4", "71.6"),
        ("RouteLLM, the same, 8 B causal model", "0.600", "35.5", "70.3"),
        ("RouteLLM, the same, matrix factorisation", "0.597", "35.5", "71.4"),
        ("RouteLLM, arena only, best of four", "0.52", "45", "77"),
    ),
    "gsm8k": (
        ("RouteLLM, arena and judge, 8 B causal model", "0.622", "33.6", "63.3"),
        ("RouteLLM, the same, similarity ranking", "0.568", "41.2", "72.2"),
    ),
    "mt_bench": (
        ("RouteLLM, arena and judge, matrix factorisation", "0.802", "13.4", "31.3"),
        ("RouteLLM, arena only, similarity ranking", "0.610", "37.9", "59.0"),
    ),
}
"""Published figures: APGR, CPT(50), CPT(80)."""

COLUMNS: Final = (
    "",
    "measured",
    "router",
    "here (95 % interval)",
    "length",
    "random or zero-router",
    "oracle",
    "known",
    "goal",
    "moonshot",
    "verdict",
)


def one_table(lines: Sequence[Line]) -> Table:
    """Lay every line beside what is known and what was aimed at."""
    rows = tuple(
        (
            line.protocol,
            line.measured,
            line.router,
            line.figure,
            line.length,
            line.none,
            line.oracle,
            AIMS[line.protocol].known,
            AIMS[line.protocol].goal,
            AIMS[line.protocol].moonshot,
            str(line.verdict),
        )
        for line in lines
    )
    return Table("Every protocol", COLUMNS, rows)
