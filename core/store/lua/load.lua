-- Begin a turn: raise the fence and hand over all that the turn needs.
-- Refused (nil) unless the caller owns the entry.
-- KEYS  1 ready  2 mail  3 state  4 history  5 the person's running  6 the person's parked
--       7 the place's state
-- ARGV  1 group  2 worker  3 entry  4 most_mail  5 most_history_bytes  6 a new try (1 or 0)
--       7 conversation  8 most_per_person (0: any number)  9 stale_s
--       10 ttl_s
-- Returns {fence, {mail...}, {state field, value...}, {exchange...} oldest first,
--   {the place's preferences, since when it remembers}},
-- or {0}: the person has most_per_person answers running; one of them makes this ready again
right_types({'XLEN', 'LLEN', 'HLEN', 'LLEN', 'ZCARD', 'LLEN', 'HLEN'})
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
if ARGV[8] ~= '0' then
  local now = tonumber(redis.call('TIME')[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now - tonumber(ARGV[9]))
  -- Of a clock that stepped back since.
  redis.call('ZREMRANGEBYSCORE', KEYS[5], now + tonumber(ARGV[9]), '+inf')
  if not redis.call('ZSCORE', KEYS[5], ARGV[3])
    and redis.call('ZCARD', KEYS[5]) >= tonumber(ARGV[8]) then
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
    redis.call('XDEL', KEYS[1], ARGV[3])
    redis.call('RPUSH', KEYS[6], ARGV[7])
    return {0}
  end
  redis.call('ZADD', KEYS[5], now, ARGV[3])
end
local fence = add('HINCRBY', KEYS[3], 'fence', 1)
add('HINCRBY', KEYS[3], 'tries', ARGV[6])
-- What was set for a place holds as long as anybody speaks in it.
redis.call('EXPIRE', KEYS[7], ARGV[10])
-- Read history from its end, a few at a time: the cost follows what is used, not what is kept.
local newest_first, bytes, at, step = {}, 0, -1, 16
while bytes < tonumber(ARGV[5]) do
  local some = redis.call('LRANGE', KEYS[4], at - step + 1, at)
  for i = #some, 1, -1 do
    bytes = bytes + #some[i]
    newest_first[#newest_first + 1] = some[i]
  end
  if #some < step then break end
  at = at - step
end
local exchanges = {}
for i = #newest_first, 1, -1 do exchanges[#exchanges + 1] = newest_first[i] end
return {
  fence,
  redis.call('LRANGE', KEYS[2], 0, tonumber(ARGV[4]) - 1),
  redis.call('HGETALL', KEYS[3]),
  exchanges,
  redis.call('HMGET', KEYS[7], 'preferences', 'fresh'),
}
