-- End a hold with what was used, once, in the windows that were chosen when it was made.
--
-- KEYS 1 the request's record (hash), 2 the tenant's open holds by expiry (sorted set).
-- ARGV 1 the tenant's prefix, 2 charge (nano-USD), 3 tokens, 4 the budget's window (s, or empty without a budget),
--      5 milliseconds a settled record is kept
-- Answers `posted`, `late` (the hold had expired: the spend is real and is posted all the same), `repeated`, or, where
-- nothing is known of a hold, `unheld` (posted to the present window) or, without a charge, `nothing`; and KEYS 1.

local function digits(number)
    return string.format('%.0f', number)
end

local record, holds = KEYS[1], KEYS[2]
local prefix, charge, tokens, kept_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local known = redis.call('HMGET', record, 'refusal', 'charge', 'member', 'budget_key', 'rate_key', 'tokens')
local refusal, settled, member, budget_key, rate_key = known[1], known[2], known[3], known[4], known[5]
if settled then
    return {'repeated', record}
end

local time = redis.call('TIME')
local now_s = tonumber(time[1])
local now_ms = now_s * 1000 + math.floor(tonumber(time[2]) / 1000)

-- What is posted lasts as long as its window, also where the books were lost since and begin with it.
local function post(window)
    local length_s, start_s = string.match(window, '^b:(%d+):(%d+)$')
    local lasts_ms = math.max(0, (tonumber(start_s) + tonumber(length_s)) * 1000 - now_ms) + kept_ms
    redis.call('HINCRBY', prefix .. window, 'posted', digits(charge))
    if redis.call('PTTL', prefix .. window) < lasts_ms then
        redis.call('PEXPIRE', prefix .. window, digits(lasts_ms))
    end
end

local outcome = 'posted'
if member then
    if member ~= '' then
        if redis.call('ZREM', holds, member) == 1 then
            redis.call('HINCRBY', prefix .. budget_key, 'held', digits(0 - tonumber(string.match(member, '^%d+'))))
        else
            outcome = 'late'
        end
        post(budget_key)
    end
    if redis.call('HEXISTS', prefix .. rate_key, 'tokens') == 1 then
        redis.call('HINCRBY', prefix .. rate_key, 'tokens', digits(tokens - tonumber(known[6])))
    end
    redis.call('HDEL', record, 'member', 'budget_key', 'rate_key', 'tokens')
elseif charge == 0 then
    return {'nothing', record}
else
    outcome = 'unheld'
    local window_s = tonumber(ARGV[4])
    if window_s then
        post('b:' .. digits(window_s) .. ':' .. digits(now_s - now_s % window_s))
    end
    if not refusal then
        redis.call('HSET', record, 'refusal', '', 'retry_ms', '0', 'left', '')
    end
end
redis.call('HSET', record, 'charge', digits(charge))
redis.call('PEXPIRE', record, digits(kept_ms))
return {outcome, record}
