"""The commands that the gateway sends to Redis, each as Redis carries it out, in the forms in which they are sent.

A form that is not known here is an AssertionError or a KeyError: better no answer than a wrong one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.support.redis_streams import xadd, xrange, xrevrange
from tests.support.redis_values import Hash, Keyspace, Members, Reply, Scores


@dataclass(frozen=True, slots=True)
class Command:
    """`writes` is refused by a replica, `grows` by a server whose memory is full."""

    act: Callable[[Keyspace, Sequence[bytes]], Reply]
    writes: bool = False
    grows: bool = False


def _ping(_keys: Keyspace, _given: Sequence[bytes]) -> Reply:
    return "PONG"


def _time(keys: Keyspace, _given: Sequence[bytes]) -> Reply:
    seconds, micros = divmod(keys.now_us(), 1_000_000)
    return [b"%d" % seconds, b"%d" % micros]


def _flush_all(keys: Keyspace, _given: Sequence[bytes]) -> Reply:
    keys.clear()
    return "OK"


def _set(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    key, value, *options = given
    before = keys.find(key, bytes) if b"GET" in options else None
    keys.put(key, value)
    if options:
        unit, count, *rest = options
        assert rest in ([], [b"GET"])
        keys.expire(key, int(count) * {b"PX": 1, b"EX": 1_000}[unit])
    return before if b"GET" in options else "OK"


def _get_range(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    key, first, last = given[0], int(given[1]), int(given[2])
    assert 0 <= first <= last
    return (keys.find(key, bytes) or b"")[first : last + 1]


def _get(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    (key,) = given
    return keys.find(key, bytes)


def _scan(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    """Go through all keys at once, whatever the count: a server may do so. Patterns end in their only star."""
    cursor, match, pattern, count, _ = given
    assert (cursor, match, count) == (b"0", b"MATCH", b"COUNT")
    assert pattern.endswith(b"*")
    return [b"0", list(keys.named(pattern[:-1]))]


def _unlink(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    return sum([keys.drop(key) for key in given])


def _exists(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    return sum([keys.exists(key) for key in given])


def _pexpire(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    return int(keys.expire(given[0], int(given[1])))


def _expire(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    return int(keys.expire(given[0], int(given[1]) * 1_000))


def _pttl(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    return keys.left_ms(given[0])


def _hset(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    fields = keys.make(given[0], Hash)
    before = len(fields)
    fields.update(zip(given[1::2], given[2::2], strict=True))
    return len(fields) - before


def _hmget(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    fields = keys.find(given[0], Hash) or Hash()
    return [fields.get(name) for name in given[1:]]


def _hgetall(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    (key,) = given
    return [each for pair in (keys.find(key, Hash) or Hash()).items() for each in pair]


def _hlen(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    (key,) = given
    return len(keys.find(key, Hash) or Hash())


def _hexists(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    return int(given[1] in (keys.find(given[0], Hash) or Hash()))


def _hdel(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    fields = keys.find(given[0], Hash) or Hash()
    gone = [name for name in dict.fromkeys(given[1:]) if fields.pop(name, None) is not None]
    if not fields:
        keys.drop(given[0])
    return len(gone)


def _hincrby(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    fields, name = keys.make(given[0], Hash), given[1]
    total = int(fields.get(name, b"0")) + int(given[2])
    fields[name] = b"%d" % total
    return total


def _zadd(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    key, score, member = given
    scores = keys.make(key, Scores)
    is_new = member not in scores
    scores[member] = int(score)
    return int(is_new)


def _zrem(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    key, member = given
    scores = keys.find(key, Scores) or Scores()
    was_there = scores.pop(member, None) is not None
    if not scores:
        keys.drop(key)
    return int(was_there)


def _zrangebyscore(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    key, least, most, limit, offset, count = given
    assert (least, limit, offset) == (b"-inf", b"LIMIT", b"0")
    scores = keys.find(key, Scores) or Scores()
    due = [member for member in scores if scores[member] <= int(most)]
    return list(sorted(due, key=lambda member: (scores[member], member))[: int(count)])


def _sadd(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    members = keys.make(given[0], Members)
    before = len(members)
    members.update(dict.fromkeys(given[1:]))
    return len(members) - before


def _smembers(keys: Keyspace, given: Sequence[bytes]) -> Reply:
    return list(keys.find(given[0], Members) or Members())


COMMANDS: Final[Mapping[bytes, Command]] = {
    b"PING": Command(_ping),
    b"TIME": Command(_time),
    b"FLUSHALL": Command(_flush_all, writes=True),
    b"SET": Command(_set, writes=True, grows=True),
    b"GET": Command(_get),
    b"GETRANGE": Command(_get_range),
    b"SCAN": Command(_scan),
    b"UNLINK": Command(_unlink, writes=True),
    b"EXISTS": Command(_exists),
    b"PEXPIRE": Command(_pexpire, writes=True),
    b"EXPIRE": Command(_expire, writes=True),
    b"PTTL": Command(_pttl),
    b"HSET": Command(_hset, writes=True, grows=True),
    b"HMGET": Command(_hmget),
    b"HEXISTS": Command(_hexists),
    b"HGETALL": Command(_hgetall),
    b"HLEN": Command(_hlen),
    b"HDEL": Command(_hdel, writes=True),
    b"HINCRBY": Command(_hincrby, writes=True, grows=True),
    b"ZADD": Command(_zadd, writes=True, grows=True),
    b"ZREM": Command(_zrem, writes=True),
    b"ZRANGEBYSCORE": Command(_zrangebyscore),
    b"SADD": Command(_sadd, writes=True, grows=True),
    b"SMEMBERS": Command(_smembers),
    b"XADD": Command(xadd, writes=True, grows=True),
    b"XRANGE": Command(xrange),
    b"XREVRANGE": Command(xrevrange),
}
