-- Keep a question where the server can find it, in the place of one with the same answer, and no more than so many.
--
-- KEYS 1 the question, 2 the scope's answers by when they are over (sorted set), 3 its set of vectors, where it has one.
-- Keys of questions that must go are made from ARGV 1; they carry the same hash tag.
-- ARGV 1 what the keys of the scope's questions begin with, 2 answer, 3 vector (FP32), 4 the stored entry,
--      5 when it is over (milliseconds since the epoch), 6 milliseconds until then, 7 the present,
--      8 how many questions a scope may have, 9 how many go at most of those that are over, and of the oldest that are
--      too many; where the scope has no set of vectors: 10 the scope, 11 the field that its vector is in

local question, answers, vectors = KEYS[1], KEYS[2], KEYS[3]
local prefix, answer, left_ms = ARGV[1], ARGV[2], tonumber(ARGV[6])

if vectors then
    redis.call('VADD', vectors, 'FP32', ARGV[3], answer, 'Q8')
    redis.call('SET', question, ARGV[4], 'PX', ARGV[6])
else
    redis.call('HSET', question, 's', ARGV[10], ARGV[11], ARGV[3], 'e', ARGV[4])
    redis.call('PEXPIRE', question, ARGV[6])
end
redis.call('ZADD', answers, ARGV[5], answer)

local function take_out(gone)
    for _, each in ipairs(gone) do
        redis.call('UNLINK', prefix .. each)
        redis.call('ZREM', answers, each)
        if vectors then
            redis.call('VREM', vectors, each)
        end
    end
end

take_out(redis.call('ZRANGEBYSCORE', answers, '-inf', ARGV[7], 'LIMIT', 0, tonumber(ARGV[9])))
local too_many = redis.call('ZCARD', answers) - tonumber(ARGV[8])
if too_many > 0 then
    take_out(redis.call('ZRANGE', answers, 0, math.min(too_many, tonumber(ARGV[9])) - 1))
end
-- What finds questions outlives the last of them, and no longer.
for at = 2, #KEYS do
    if redis.call('PTTL', KEYS[at]) < left_ms then
        redis.call('PEXPIRE', KEYS[at], left_ms)
    end
end
return redis.status_reply('OK')
