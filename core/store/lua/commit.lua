-- End a turn: the mail leaves and the exchange enters history in this one step.
-- Refused (nil) unless the caller owns the entry and no later turn was begun;
-- said again, because the answer got lost, it is no refusal and does nothing.
-- KEYS  1 ready  2 mail  3 state  4 history  5 dead letters
--       6 the person's running  7 the person's parked  8... whose costs these are
-- ARGV  1 group  2 worker  3 entry  4 fence  5 conversation
--       6 mail taken  7 exchanges to forget (-1: all)  8 ttl_s  9 most_exchanges
--       10 exchange (JSON, may be empty)  11 why the mail is dead (may be empty)
--       12 person  13 what each of these spent (JSON, [{name: number}...])  14... state field, value
-- Returns how much mail is left
local this = ARGV[3] .. ':' .. ARGV[4]
if redis.call('HGET', KEYS[3], 'committed') == this then return redis.call('LLEN', KEYS[2]) end
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
if redis.call('HGET', KEYS[3], 'fence') ~= ARGV[4] then return nil end
if ARGV[11] ~= '' then
  for _, one in ipairs(redis.call('LRANGE', KEYS[2], 0, tonumber(ARGV[6]) - 1)) do
    keep_dead(KEYS[5], cjson.encode({reason = ARGV[11], mail = one}))
  end
end
redis.call('LTRIM', KEYS[2], ARGV[6], -1)
if ARGV[7] == '-1' then
  redis.call('DEL', KEYS[4])
  redis.call('HDEL', KEYS[3], 'summary')
elseif ARGV[7] ~= '0' then
  redis.call('LTRIM', KEYS[4], 0, -1 - tonumber(ARGV[7]))
end
if ARGV[10] ~= '' then
  redis.call('RPUSH', KEYS[4], ARGV[10])
  redis.call('LTRIM', KEYS[4], -tonumber(ARGV[9]), -1)
  redis.call('EXPIRE', KEYS[4], ARGV[8])
end
for i, costs in ipairs(cjson.decode(ARGV[13])) do
  for name, much in pairs(costs) do add('HINCRBYFLOAT', KEYS[7 + i], name, much) end
end
redis.call('HDEL', KEYS[3], 'checkpoint', 'stop', 'tries', 'note')
for i = 14, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[3], 'committed', this)
redis.call('EXPIRE', KEYS[3], ARGV[8])
local left = redis.call('LLEN', KEYS[2])
if left > 0 then
  make_ready(KEYS[1], ARGV[5], sender_of(redis.call('LINDEX', KEYS[2], 0)))
end
let_go(KEYS[1], ARGV[1], ARGV[3], KEYS[6], KEYS[7], ARGV[12])
return left
