-- Keep one message that was overheard. Invariant: each field of the hash stands in the order, and
-- neither holds more than ARGV[4] messages or about ARGV[5] bytes, or any from before ARGV[7].
-- KEYS  1 messages by their reference  2 their order (seconds)
-- ARGV  1 reference  2 seconds  3 message (JSON)  4 most  5 most_bytes  6 ttl_s  7 too old (seconds)
--       8 only if it is kept already (1 or 0)
right_types({'HLEN', 'ZCARD'})
if ARGV[8] == '1' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[2], 'NX', ARGV[2], ARGV[1])
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[7])) do
  redis.call('HDEL', KEYS[1], old)
  redis.call('ZREM', KEYS[2], old)
end
local bytes = 0
for _, value in ipairs(redis.call('HVALS', KEYS[1])) do bytes = bytes + #value end
while redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[4]) or bytes > tonumber(ARGV[5]) do
  local oldest = redis.call('ZPOPMIN', KEYS[2])[1]
  if not oldest then
    -- The order was lost, so nobody knows what is old.
    redis.call('DEL', KEYS[1])
    return 1
  end
  bytes = bytes - #(redis.call('HGET', KEYS[1], oldest) or '')
  redis.call('HDEL', KEYS[1], oldest)
end
redis.call('EXPIRE', KEYS[1], ARGV[6])
redis.call('EXPIRE', KEYS[2], ARGV[6])
return 1
