"""The sources, in the order in which their rows stand in the tables."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from router_models.sources import llmrouter, mmlu_pro, routellm, zeroeval
from router_models.sources.clones import Repository, Told
from router_models.sources.tables import Tables


@dataclass(frozen=True, slots=True)
class Source:
    """Where a source comes from, the files it reads of a clone, and how it reads them."""

    name: str
    repository: Repository
    inputs: Callable[[Path], list[Path]]
    read: Callable[[Path, Told], Tables]


SOURCES: Final = (
    Source("routellm", routellm.REPOSITORY, routellm.inputs, routellm.read),
    Source("mmlu_pro", mmlu_pro.REPOSITORY, mmlu_pro.inputs, mmlu_pro.read),
    Source("zeroeval", zeroeval.REPOSITORY, zeroeval.inputs, zeroeval.read),
    Source("llmrouter", llmrouter.REPOSITORY, llmrouter.inputs, llmrouter.read),
)
