"""Names of keys in Redis."""

import pytest

from gateway.adapters.redis_keys import tenant_prefix
from gateway.domain.ids import TenantId


@pytest.mark.parametrize("tenant", ["search", "{curly}", "a*b?[c]", "a:b", "line\r\nend", "ünï", ""])
def test_a_prefix_has_one_hash_tag_and_no_character_of_the_tenants_name(tenant: str) -> None:
    prefix = tenant_prefix(TenantId(tenant))
    assert prefix.isascii()
    assert (prefix.count("{"), prefix.count("}")) == (1, 1)
    assert set(prefix) <= set("tg:{}0123456789abcdef")


def test_tenants_have_different_prefixes_and_always_the_same() -> None:
    assert tenant_prefix(TenantId("one")) != tenant_prefix(TenantId("two"))
    assert tenant_prefix(TenantId("one")) == "tg:{e3114ff07320995b17b34d34}:"
