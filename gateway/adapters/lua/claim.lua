-- Look for an answer, and where there is none, say who asks for it: the caller, unless another worker does.
--
-- KEYS 1 the answer, 2 the lease of who asks for it.
-- ARGV 1 last byte of the answer to read, 2 the caller's worker, 3 milliseconds of a lease, 4 the mark of an answer that
--      is nobody else's
-- Answers the answer (or empty), who asks (or empty, or the mark), KEYS 2.

local answer = redis.call('GETRANGE', KEYS[1], 0, ARGV[1])
if answer ~= '' then
    return {answer, '', KEYS[2]}
end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[2] then
    return {'', holder, KEYS[2]}
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return {'', ARGV[2], KEYS[2]}
