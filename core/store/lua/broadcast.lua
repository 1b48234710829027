-- Keep how far a message to many places has come, or that its sender lives.
-- Invariant: only the run that goes on writes. One that was taken for lost, and wakes, does not.
-- KEYS  1 the broadcast
-- ARGV  1 the run  2 the field  3 its value  4 how long it is kept (seconds)
-- Returns 2: kept, and it is to be cancelled, 1: kept, 0: another run goes on
right_types({'HLEN'})
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1 + redis.call('HEXISTS', KEYS[1], 'cancel')
