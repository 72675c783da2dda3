"""The last answered requests of one process, and what was said of their answers."""

from collections import OrderedDict

from gateway.domain.feedback import AnsweredRequest, Feedback
from gateway.domain.ids import RequestId, TenantId


class MemoryAnswered:
    """Remember the newest `kept` requests, each for its own tenant only."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._answered: OrderedDict[tuple[TenantId, RequestId], AnsweredRequest] = OrderedDict()
        self._said: OrderedDict[tuple[TenantId, RequestId], Feedback] = OrderedDict()

    def put(self, answered: AnsweredRequest) -> None:
        """Remember the request; forget the oldest when there are too many."""
        self._answered[answered.tenant, answered.request_id] = answered
        if len(self._answered) > self._kept:
            self._answered.popitem(last=False)

    async def get(self, tenant: TenantId, request_id: RequestId) -> AnsweredRequest | None:
        """Return the tenant's request of that id."""
        return self._answered.get((tenant, request_id))

    async def note(self, tenant: TenantId, request_id: RequestId, feedback: Feedback) -> Feedback | None:
        """Record what is said now, and return what was said before."""
        key = (tenant, request_id)
        before = self._said.pop(key, None)
        self._said[key] = feedback
        if len(self._said) > self._kept:
            self._said.popitem(last=False)
        return before

    async def noted(self, tenant: TenantId, request_id: RequestId) -> Feedback | None:
        """Return what was said of the tenant's request."""
        return self._said.get((tenant, request_id))

    async def aclose(self) -> None:
        """Nothing to close."""
