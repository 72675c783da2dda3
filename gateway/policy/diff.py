"""What changed between two snapshots, in words: `tier small: limits.ttft 4 s → 3 s`."""

from collections.abc import Iterator

from gateway.policy.facts import facts_of
from gateway.policy.snapshot import PolicySnapshot


def diff(old: PolicySnapshot, new: PolicySnapshot) -> list[str]:
    """Return one line for each change that can be seen, in the order of the new policy; none when there is none.

    A secret which became another is told as a change of its tenant's or endpoint's key, without showing either.
    """
    before, after = facts_of(old), facts_of(new)
    lines = [line for subject in after for line in _subject(subject, before.get(subject), after[subject])]
    lines += [f"{subject}: removed" for subject in before if subject not in after]
    lines += _order(old, new)
    return [*lines, *_secrets(old, new)]


def _subject(subject: str, before: dict[str, str] | None, after: dict[str, str]) -> Iterator[str]:
    if before is None:
        yield f"{subject}: added"
        return
    for field, now in after.items():
        was = before.get(field)
        if was is None:
            yield f"{subject}: {field} added: {now}"
        elif was != now:
            yield f"{subject}: {field} {was} → {now}"
    for field, was in before.items():
        if field not in after:
            yield f"{subject}: {field} removed: {was}"


def _order(old: PolicySnapshot, new: PolicySnapshot) -> Iterator[str]:
    was, now = ([name for name in one.tiers if name in other.tiers] for one, other in ((old, new), (new, old)))
    if was != now:
        yield f"tiers: order {', '.join(was)} → {', '.join(now)}"


def _secrets(old: PolicySnapshot, new: PolicySnapshot) -> Iterator[str]:
    for name, tier in new.tiers.items():
        former = old.tiers.get(name)
        if former is not None:
            for was, now in zip(former.endpoints, tier.endpoints, strict=False):
                if was.api_key is not None and now.api_key is not None and was.api_key != now.api_key:
                    yield f"tier {name}: api_key of {now.base_url} changed"
    for tenant in dict.fromkeys(key.tenant.id for key in new.keys.values()):
        was_keys, now_keys = (
            {digest for digest, key in snapshot.keys.items() if key.tenant.id == tenant} for snapshot in (old, new)
        )
        if len(was_keys) == len(now_keys) and was_keys != now_keys:
            yield f"tenant {tenant}: {len(now_keys - was_keys)} of its keys changed"
