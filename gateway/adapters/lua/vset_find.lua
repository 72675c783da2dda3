-- Find the stored entries nearest to a vector. Those that are over are taken out of the set when they are met.
--
-- KEYS 1 the scope's set of vectors, 2 its answers by when they are over (sorted set)
-- ARGV 1 the vector (FP32), 2 how many, 3 what the keys of the scope's questions begin with, 4 how often to look at most,
--      5 how many of the set are kept in view on the way

local set, count, effort = KEYS[1], ARGV[2], ARGV[5]

local found = {}
for _ = 1, tonumber(ARGV[4]) do
    local all_are_there = true
    found = {}
    -- A hand-over to another thread would take longer than the search in most sets, and a script waits for it anyway.
    for _, answer in ipairs(redis.call('VSIM', set, 'FP32', ARGV[1], 'COUNT', count, 'EF', effort, 'NOTHREAD')) do
        local stored = redis.call('GET', ARGV[3] .. answer)
        if stored then
            found[#found + 1] = stored
        else
            redis.call('VREM', set, answer)
            redis.call('ZREM', KEYS[2], answer)
            all_are_there = false
        end
    end
    if all_are_there then
        break
    end
end
return found
