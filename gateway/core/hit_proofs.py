"""Where the semantic hits of each tenant stand on each route: one proof for each, and labels that others were not told.

Scopes are too small to prove anything by themselves, and what misleads the verifier in one is likely to in the next of
the same route: so all scopes of a tenant on a route are one class.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gateway.core.hit_proof import HitLabel, HitProof, Terms, begin, learn
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.noun import noun

CLASSES_MAX: Final = 4_096
"""The class that was asked about the longest ago is forgotten, and begins anew; about 2 kB each."""
UNSHARED_MAX: Final = 1_024
"""Labels that wait to be told to others; the oldest are not told."""


@noun
class HitClass:
    """Whose labels count together. `verifier` is its digest: probabilities of another cannot be compared."""

    tenant: TenantId
    route: RouteName
    verifier: str


OnChange = Callable[[HitClass, HitProof], None]
"""Told once a change between serving and exact only."""


class HitProofs:
    """The proofs of all classes. Times are seconds since the epoch, since workers compare them."""

    def __init__(self, on_change: OnChange) -> None:
        self._on_change = on_change
        self._held: OrderedDict[HitClass, tuple[Terms, HitProof]] = OrderedDict()
        self._unshared: deque[tuple[HitClass, HitLabel]] = deque(maxlen=UNSHARED_MAX)
        self.right = 0
        self.wrong = 0

    def proof_of(self, hit_class: HitClass, terms: Terms, wall_s: float) -> HitProof:
        """Return where a class stands. With other terms than before it begins anew: they are another promise."""
        held = self._held.get(hit_class)
        if held is None or held[0] != terms:
            held = self._held[hit_class] = terms, begin(terms, wall_s)
            if len(self._held) > CLASSES_MAX:
                self._held.popitem(last=False)
        self._held.move_to_end(hit_class)
        return held[1]

    def label(self, hit_class: HitClass, label: HitLabel, wall_s: float) -> None:
        """Take in a label of this process."""
        if label.is_wrong:
            self.wrong += 1
        else:
            self.right += 1
        self._unshared.append((hit_class, label))
        self.merge(hit_class, (label,), wall_s)

    def merge(self, hit_class: HitClass, labels: Iterable[HitLabel], wall_s: float) -> None:
        """Take in labels, which may be another process's; those of a class that is not held here are passed over."""
        held = self._held.get(hit_class)
        if held is None:
            return
        terms, proof = held
        for each in labels:
            before, proof = proof, learn(proof, each, terms, wall_s)
            self._held[hit_class] = terms, proof
            if before.standing is not proof.standing:
                self._on_change(hit_class, proof)

    def take_unshared(self) -> list[tuple[HitClass, HitLabel]]:
        """Return this process's labels since the last time."""
        taken = list(self._unshared)
        self._unshared.clear()
        return taken

    @property
    def held(self) -> Mapping[HitClass, HitProof]:
        """Where each class stands."""
        return {hit_class: proof for hit_class, (_, proof) in self._held.items()}
