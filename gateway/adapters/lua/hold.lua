-- Claim the dearest a request can become, or refuse it. A repetition is answered with what was recorded.
--
-- KEYS 1 the request's record (hash), 2 the tenant's open holds by expiry (sorted set).
-- Keys of windows are made from ARGV 1, because Redis's own clock says which window it is; they carry the same hash tag.
-- ARGV 1 the tenant's prefix, 2 request id, 3 amount (nano-USD), 4 tokens, 5 milliseconds until the hold expires,
--      6 budget (nano-USD or empty), 7 its window (s), 8 requests and 9 tokens allowed a minute (or empty),
--      10 the "minute" (s), 11 how many expired holds to release at most, 12 milliseconds a settled record is kept
-- Answers the refusal (or empty), milliseconds until the refusing window turns, the budget left (or empty), KEYS 1.

local function digits(number)
    return string.format('%.0f', number)
end

local record, holds = KEYS[1], KEYS[2]
local recorded = redis.call('HMGET', record, 'refusal', 'retry_ms', 'left')
if recorded[1] then
    return {recorded[1], recorded[2], recorded[3], record}
end

local time = redis.call('TIME')
local now_s = tonumber(time[1])
local now_ms = now_s * 1000 + math.floor(tonumber(time[2]) / 1000)

local prefix, amount, tokens = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local expires_ms, kept_ms = tonumber(ARGV[5]), tonumber(ARGV[12])
local budget, budget_window_s = tonumber(ARGV[6]), tonumber(ARGV[7])
local requests_max, tokens_max, rate_window_s = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])

-- A member of the open holds says all that is needed to release it: amount|window's key|request id.
local expired = redis.call('ZRANGEBYSCORE', holds, '-inf', now_ms, 'LIMIT', 0, tonumber(ARGV[11]))
for _, member in ipairs(expired) do
    local held, window = string.match(member, '^(%d+)|([^|]+)|')
    redis.call('ZREM', holds, member)
    if redis.call('EXISTS', prefix .. window) == 1 then
        redis.call('HINCRBY', prefix .. window, 'held', digits(0 - tonumber(held)))
    end
end

local function until_turn_ms(start_s, window_s)
    return (start_s + window_s) * 1000 - now_ms
end

local function answer(refusal, retry_ms, left, lasts_ms)
    redis.call('HSET', record, 'refusal', refusal, 'retry_ms', digits(retry_ms), 'left', left)
    redis.call('PEXPIRE', record, digits(lasts_ms))
    return {refusal, digits(retry_ms), left, record}
end

-- A refused request comes back under another id; its record only has to outlive a lost reply.
local refused_lasts_ms = 60 * 1000

local rate_start_s = now_s - now_s % rate_window_s
local rate_key = 'm:' .. digits(rate_start_s)
local rate_turn_ms = until_turn_ms(rate_start_s, rate_window_s)
local used = redis.call('HMGET', prefix .. rate_key, 'requests', 'tokens')

local budget_key, left, budget_turn_ms = '', '', 0
if budget then
    local start_s = now_s - now_s % budget_window_s
    budget_key = 'b:' .. digits(budget_window_s) .. ':' .. digits(start_s)
    budget_turn_ms = until_turn_ms(start_s, budget_window_s)
    local spent = redis.call('HMGET', prefix .. budget_key, 'posted', 'held')
    left = budget - tonumber(spent[1] or 0) - tonumber(spent[2] or 0)
end

if requests_max and tonumber(used[1] or 0) + 1 > requests_max then
    return answer('requests_per_minute', rate_turn_ms, budget and digits(left) or '', refused_lasts_ms)
end
if tokens_max and tonumber(used[2] or 0) + tokens > tokens_max then
    return answer('tokens_per_minute', rate_turn_ms, budget and digits(left) or '', refused_lasts_ms)
end
if budget and amount > left then
    return answer('budget', budget_turn_ms, digits(left), refused_lasts_ms)
end

if requests_max or tokens_max then
    redis.call('HINCRBY', prefix .. rate_key, 'requests', 1)
    redis.call('HINCRBY', prefix .. rate_key, 'tokens', digits(tokens))
    redis.call('PEXPIRE', prefix .. rate_key, digits(rate_turn_ms + kept_ms))
end
local member = ''
if budget then
    member = digits(amount) .. '|' .. budget_key .. '|' .. ARGV[2]
    local lasts_ms = math.max(budget_turn_ms, expires_ms) + kept_ms
    redis.call('HINCRBY', prefix .. budget_key, 'held', digits(amount))
    redis.call('PEXPIRE', prefix .. budget_key, digits(lasts_ms))
    redis.call('ZADD', holds, digits(now_ms + expires_ms), member)
    if redis.call('PTTL', holds) < lasts_ms then
        redis.call('PEXPIRE', holds, digits(lasts_ms))
    end
    left = digits(left - amount)
end
redis.call('HSET', record, 'member', member, 'budget_key', budget_key, 'rate_key', rate_key, 'tokens', digits(tokens))
return answer('', 0, left, expires_ms + kept_ms)
