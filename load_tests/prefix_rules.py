"""The rules that others route by, as far as they can be told in a few lines: what the gateway's own is compared with.

Each sees everything at once, through one router, and knows how many blocks a server keeps. So they are better off here
than where they come from.
"""

from collections import deque
from collections.abc import Callable

from load_tests.prefix_world import BLOCK_TOKENS, KEPT_BLOCKS, Asked, Kept

SGLANG_MATCH = 0.3
SGLANG_ABSOLUTE = 64
SGLANG_RELATIVE = 1.5
LLM_D_WEIGHTS = (3.0, 2.0, 2.0)


class View:
    """What a router knows of its servers: what it sent them, what of that waits, and how many are under way."""

    def __init__(self, servers: int) -> None:
        self.kept = [Kept(KEPT_BLOCKS) for _ in range(servers)]
        self.pending_tokens = [0] * servers
        self.waiting = [0] * servers
        self.running = [0] * servers
        self.held_tokens = [0] * servers

    def __len__(self) -> int:
        return len(self.kept)


Rule = Callable[[View, Asked, list[int]], int]
"""Given how many of the request's blocks each server is believed to have, names a server."""


class RuleRouter:
    """Routes by a rule, and keeps what the rule goes by."""

    def __init__(self, rule: Rule, servers: int) -> None:
        self._rule = rule
        self._view = View(servers)
        self._sent: dict[int, tuple[int, int, int]] = {}

    def choose(self, number: int, asked: Asked) -> int:
        """Ask the rule, and note what it said."""
        view = self._view
        depths = [kept.depth(asked.blocks) for kept in view.kept]
        server = self._rule(view, asked, depths)
        uncached_tokens = asked.prompt_tokens - asked.cached_tokens(depths[server])
        view.kept[server].use(asked.blocks)
        view.pending_tokens[server] += uncached_tokens
        view.waiting[server] += 1
        view.running[server] += 1
        view.held_tokens[server] += asked.prompt_tokens
        self._sent[number] = (server, uncached_tokens, asked.prompt_tokens)
        return server

    def begun(self, number: int, now_s: float) -> None:
        """It waits no more."""
        server, uncached_tokens, _ = self._sent[number]
        self._view.pending_tokens[server] -= uncached_tokens
        self._view.waiting[server] -= 1

    def ended(self, number: int, now_s: float, had_blocks: int) -> None:
        """It is under way no more."""
        server, _, prompt_tokens = self._sent.pop(number)
        self._view.running[server] -= 1
        self._view.held_tokens[server] -= prompt_tokens


def round_robin() -> Rule:
    """One after the other."""
    turns: deque[int] = deque()

    def rule(view: View, asked: Asked, depths: list[int]) -> int:
        if not turns:
            turns.extend(range(len(view)))
        turns.rotate(-1)
        return turns[-1]

    return rule


def least_pending(view: View, asked: Asked, depths: list[int]) -> int:
    """Whoever has the least to compute."""
    return min(range(len(view)), key=view.pending_tokens.__getitem__)


def sglang(view: View, asked: Asked, depths: list[int]) -> int:
    """Prefer a good match, else the smallest tree, of equals the idlest; the shortest queue where load is uneven."""
    most, least = max(view.running), min(view.running)
    if most - least > SGLANG_ABSOLUTE and most > SGLANG_RELATIVE * least:
        return min(range(len(view)), key=view.running.__getitem__)
    best = max(range(len(view)), key=depths.__getitem__)
    if asked.cached_tokens(depths[best]) > SGLANG_MATCH * asked.prompt_tokens:
        return best
    return min(range(len(view)), key=lambda server: (len(view.kept[server]), view.running[server]))


def llm_d(view: View, asked: Asked, depths: list[int]) -> int:
    """Add up scores of 0 to 1: three parts match, two parts queue, two parts free cache."""
    most, least = max(view.waiting), min(view.waiting)
    capacity_tokens = KEPT_BLOCKS * BLOCK_TOKENS
    prefix, queue, cache = LLM_D_WEIGHTS

    def score(server: int) -> float:
        free = 1.0 if most == least else (most - view.waiting[server]) / (most - least)
        used = min(1.0, view.held_tokens[server] / capacity_tokens)
        match = asked.cached_tokens(depths[server]) / asked.prompt_tokens
        return prefix * match + queue * free + cache * (1.0 - used)

    return max(range(len(view)), key=score)


def greedy(view: View, asked: Asked, depths: list[int]) -> int:
    """Whoever has the first token soonest."""
    return min(
        range(len(view)),
        key=lambda server: view.pending_tokens[server] + asked.prompt_tokens - asked.cached_tokens(depths[server]),
    )


RULES: dict[str, Callable[[], Rule]] = {
    "round robin": round_robin,
    "least pending": lambda: least_pending,
    "SGLang 0.3/64/1.5": lambda: sglang,
    "llm-d 3:2:2": lambda: llm_d,
    "greedy TTFT": lambda: greedy,
}
