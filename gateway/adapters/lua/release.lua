-- Give up a lease that the caller still holds, or leave the mark in its place that the answer is nobody else's.
--
-- KEYS 1 the lease. ARGV 1 the caller's worker, 2 the mark (or empty), 3 milliseconds that it stays

if redis.call('GET', KEYS[1]) == ARGV[1] then
    if ARGV[2] == '' then
        redis.call('UNLINK', KEYS[1])
    else
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    end
end
return 1
