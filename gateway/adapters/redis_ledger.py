"""Allowances that all workers share. Each step is one Lua script, so no two workers ever see half of it.

An answer names the request's record, as a cached answer does its key: the answer to another's is no answer, and the end
of the connection that brought it.

Windows follow Redis's clock, in UTC; no worker's clock has a say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import Argument, RedisUnavailable, Reply
from gateway.adapters.redis_script import RedisScript
from gateway.adapters.redis_settles import SettleRetries, SettleRetrySettings
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.ledger import UNLIMITED, Hold, HoldVerdict, Refusal, Settlement
from gateway.ports import Clock, LedgerUnavailable


@dataclass(frozen=True, slots=True)
class RedisLedgerSettings:
    """`hold_timeout_s` is on the client's path, and holds where a hold does not say that its request waits less."""

    hold_timeout_s: float = 0.02
    settle_timeout_s: float = 0.1
    rate_window_s: int = 60
    release_max: int = 16
    """Expired holds released by one call: more come off with the next ones."""
    record_kept_s: float = 900.0
    """How long a settled request is remembered: longer than anyone repeats a settlement."""
    retries: SettleRetrySettings = field(default_factory=SettleRetrySettings)


class RedisLedger:
    """Hold and settle in Redis. The client is the caller's and stays open; close the ledger first."""

    def __init__(
        self,
        client: RedisClient,
        *,
        clock: Clock,
        chance: Callable[[], float],
        settings: RedisLedgerSettings | None = None,
    ) -> None:
        self._client = client
        self._settings = settings or RedisLedgerSettings()
        self._hold_script = RedisScript("hold")
        self._settle_script = RedisScript("settle")
        self._retries = SettleRetries(self._settle_now, clock=clock, chance=chance, settings=self._settings.retries)
        self._counts = {"granted": 0, "refused": 0, "unavailable": 0, "mismatches": 0, "settles_failed_at_first": 0}
        self._outcomes = {"posted": 0, "late": 0, "repeated": 0, "unheld": 0, "nothing": 0}

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Claim the dearest the request can become. Raises LedgerUnavailable when the request can wait no more."""
        if hold.allowance.is_unlimited:
            return UNLIMITED
        prefix = _ledger_prefix(hold.tenant)
        keys = (_record_key(prefix, hold.request_id), f"{prefix}h")
        timeout_s = min(hold.within_s, self._settings.hold_timeout_s)
        try:
            reply = await self._hold_script.run(self._client, keys, self._hold_arguments(hold, prefix), timeout_s)
        except RedisUnavailable as error:
            self._counts["unavailable"] += 1
            raise LedgerUnavailable(str(error)) from error
        verdict = _verdict(reply, keys[0])
        if verdict is None:
            raise LedgerUnavailable(self._distrust(reply))
        self._counts["granted" if verdict.is_granted else "refused"] += 1
        return verdict

    async def settle(self, settlement: Settlement) -> None:
        """Post what was used. What Redis does not take now is tried again in the background.

        Raises LedgerUnavailable only when so many wait already that this one is lost.
        """
        if settlement.hold.allowance.is_unlimited:
            return
        try:
            await self._settle_now(settlement)
        except RedisUnavailable as error:
            self._counts["settles_failed_at_first"] += 1
            if not self._retries.put(settlement):
                raise LedgerUnavailable(f"too many settlements wait to be tried again: {error}") from error

    async def aclose(self) -> None:
        """Try the settlements that wait once more, within bounds."""
        await self._retries.aclose()

    def stats(self) -> Mapping[str, int]:
        """Count verdicts, and what became of settlements."""
        return {**self._counts, **self._outcomes, **self._retries.stats()}

    async def _settle_now(self, settlement: Settlement) -> None:
        hold = settlement.hold
        prefix = _ledger_prefix(hold.tenant)
        keys = (_record_key(prefix, hold.request_id), f"{prefix}h")
        window: Argument = "" if hold.allowance.budget_usd_nano is None else hold.allowance.budget_window_s
        arguments = (prefix, settlement.charge_usd_nano, settlement.tokens, window, self._kept_ms())
        timeout_s = self._settings.settle_timeout_s
        reply = await self._settle_script.run(self._client, keys, arguments, timeout_s)
        match reply:
            case [bytes(outcome), bytes(key)] if key == keys[0].encode():
                self._outcomes[outcome.decode()] += 1
            case _:
                raise RedisUnavailable(self._distrust(reply))

    def _distrust(self, reply: Reply) -> str:
        """Give up a connection whose replies are not those to its commands; return the reason."""
        reason = f"the ledger was answered what its script never says of this request: {reply!r}"
        self._counts["mismatches"] += 1
        self._client.distrust(reason)
        return reason

    def _hold_arguments(self, hold: Hold, prefix: str) -> tuple[Argument, ...]:
        allowance = hold.allowance
        return (
            prefix,
            hold.request_id,
            hold.amount_usd_nano,
            hold.tokens,
            max(0, int(hold.expires_after_s * 1_000)),
            _or_empty(allowance.budget_usd_nano),
            allowance.budget_window_s,
            _or_empty(allowance.requests_per_minute),
            _or_empty(allowance.tokens_per_minute),
            self._settings.rate_window_s,
            self._settings.release_max,
            self._kept_ms(),
        )

    def _kept_ms(self) -> int:
        return int(self._settings.record_kept_s * 1_000)


def _ledger_prefix(tenant: TenantId) -> str:
    return f"{tenant_prefix(tenant)}l:"


def _record_key(prefix: str, request_id: RequestId) -> str:
    return f"{prefix}r:{request_id}"


def _or_empty(limit: int | None) -> Argument:
    return "" if limit is None else limit


def _verdict(reply: Reply, key: str) -> HoldVerdict | None:
    """Read a verdict; None for what is none, or one of another request."""
    match reply:
        case [bytes(refusal), bytes(retry_ms), bytes(left), bytes(of)] if of == key.encode():
            return HoldVerdict(
                Refusal(refusal.decode()) if refusal else None,
                int(retry_ms) / 1_000,
                int(left) if left else None,
            )
    return None
