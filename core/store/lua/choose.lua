-- Choose one setting of a place, or let it be inherited again. The others stay.
-- KEYS  1 the place's state
-- ARGV  1 the name in the preferences  2 the value (JSON; empty: inherited)  3 ttl_s
-- Returns what was chosen before (JSON; empty: nothing).
right_types({'HLEN'})
local chosen = read(redis.call('HGET', KEYS[1], 'preferences'))
local before = chosen[ARGV[1]]
chosen[ARGV[1]] = ARGV[2] ~= '' and cjson.decode(ARGV[2]) or nil
if ARGV[2] == 'false' then chosen[ARGV[1]] = false end
if next(chosen) == nil then
  redis.call('HDEL', KEYS[1], 'preferences')
else
  redis.call('HSET', KEYS[1], 'preferences', write(chosen) or '{}')
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return before ~= nil and cjson.encode(before) or ''
