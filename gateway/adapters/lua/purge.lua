-- Note a purge of a tenant's kept answers under a number higher than any before, and let all workers hear of it.
--
-- KEYS 1 the number of the last purge of all tenants, 2 that of each tenant (hash), 3 the tenant's marks (hash).
-- ARGV 1 tenant, 2 the mark's name, 3 until when answers are purged (s since the epoch, or empty), 4 the least number,
--      5 the name of the mark that makes all others needless, 6 how many marks there may be
-- A mark is its number and, behind a space, until when.
-- Answers the number, and the name that the purge was noted under.

local function digits(number)
    return string.format('%.0f', number)
end

-- A script that has written may grow the data of a server whose memory is full: a purge must not wait for room.
redis.call('HDEL', KEYS[3], '')

local number = math.max(tonumber(redis.call('GET', KEYS[1]) or 0) + 1, tonumber(ARGV[4]))
local name, until_s = ARGV[2], ARGV[3]
if redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[6]) and redis.call('HEXISTS', KEYS[3], name) == 0 then
    name, until_s = ARGV[5], ''
end
if name == ARGV[5] then
    redis.call('UNLINK', KEYS[3])
elseif until_s ~= '' then
    -- What an earlier purge made void with a later bound stays void.
    local before = redis.call('HMGET', KEYS[3], name)[1]
    local before_s = before and string.match(before, ' (.+)$')
    if before_s and tonumber(before_s) > tonumber(until_s) then
        until_s = before_s
    end
end
redis.call('HSET', KEYS[3], name, digits(number) .. ' ' .. until_s)
redis.call('HSET', KEYS[2], ARGV[1], digits(number))
redis.call('SET', KEYS[1], digits(number))
return {digits(number), name}
