-- Keep that a stranger asks to be let in, once. Invariant: no place and no bot has more than so many.
-- KEYS  1 requests
-- ARGV  1 person  2 request (JSON)  3 now (seconds)  4 kept_s  5 most  6 the place (may be empty)
--       7 most_in_a_place
-- Returns 1: kept now, 0: it stands there already, -1: there are too many
right_types({'HLEN'})
local all, here = 0, 0
local flat = redis.call('HGETALL', KEYS[1])
for at = 1, #flat, 2 do
  local one = read(flat[at + 1])
  if (tonumber(one.at) or 0) < ARGV[3] - ARGV[4] then
    redis.call('HDEL', KEYS[1], flat[at])
  else
    all = all + 1
    if ARGV[6] ~= '' and one.place == ARGV[6] then here = here + 1 end
  end
end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
if all >= tonumber(ARGV[5]) or here >= tonumber(ARGV[7]) then return -1 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
