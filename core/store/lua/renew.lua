-- Keep (ARGV 2 > 0 milliseconds) or give back (0) a lease, if it is still ours.
-- KEYS  1 lease   ARGV  1 owner  2 ttl_ms
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
