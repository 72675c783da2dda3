"""The policy in force, and the one door by which another takes its place."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from gateway.policy.problems import Problem
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource

_OPEN = "a policy without tenants needs no key, and this gateway listens beyond this machine"
_OPEN_HINT = "declare a tenant with a key, or restart with --host 127.0.0.1"

Compile = Callable[[PolicySource], PolicySnapshot | list[Problem]]


@dataclass(slots=True)
class Reloads:
    """How often the policy was offered anew, for metrics."""

    accepted: int = 0
    refused: int = 0


class PolicyInForce:
    """Holds one snapshot. Requests read it once; a refused offer changes nothing but what `problems` says."""

    def __init__(
        self, snapshot: PolicySnapshot, source: PolicySource, compile_source: Compile, *, may_open: bool
    ) -> None:
        self.snapshot = snapshot
        self.previous: PolicySnapshot | None = None
        """The one before, for whoever asks what changed."""
        self.source = source
        self.problems: list[Problem] = []
        self.reloads = Reloads()
        self._compile = compile_source
        self._may_open = may_open
        # Offers come from threads, and each looks at what the one before left.
        self._turn = Lock()

    def adopt(self, compile_source: Compile) -> list[Problem]:
        """Compile the policy in force anew, against another difficulty model; return the problems, if it has any.

        From then on policies are compiled so; with problems, nothing changes.
        """
        with self._turn:
            compiled = compile_source(self.source)
            if isinstance(compiled, list):
                return compiled
            self.previous, self.snapshot, self._compile = self.snapshot, compiled, compile_source
        return []

    def offer(self, source: PolicySource) -> bool:
        """Take this policy if it compiles; tell whether it is now in force.

        What was made from the same as the one in force is not taken again: only what was said of another is forgotten.
        A policy without tenants is refused where the port is open to other machines: anybody could spend its money.
        """
        with self._turn:
            return self._offer(source)

    def _offer(self, source: PolicySource) -> bool:
        compiled = self._compile(source)
        if not isinstance(compiled, list) and compiled.id == self.snapshot.id:
            self.problems = []
            return True
        if not isinstance(compiled, list) and compiled.is_open and not self._may_open:
            compiled = [Problem(source.name, 1, 1, "tenants", _OPEN, _OPEN_HINT)]
        if isinstance(compiled, list):
            self.problems = compiled
            self.reloads.refused += 1
            return False
        self.previous, self.snapshot, self.source, self.problems = self.snapshot, compiled, source, []
        self.reloads.accepted += 1
        return True
