-- Reserve for a turn what it may come to cost, of all its accounts or of none. What an earlier try
-- of the turn had reserved is taken over: a lane has one hold.
-- Refused (nil) unless the caller owns the entry and its turn is the current one.
-- KEYS  1 stream  2 the lane's state  3 the conversation's state  4 holds  5... accounts
-- ARGV  1 group  2 worker  3 entry  4 fence  5 lane  6 event id
--       7 [[account, unit, much, most, when the account is forgotten, how much of it is spent
--         for sure]...] (JSON)
-- Returns {0}, or {which of them is used up, spent, held by others, most, whether it is told for
-- the first time}
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
if not current(KEYS[2], ARGV[4], KEYS[3]) then return nil end
local own, hold = hold_of(KEYS[4], ARGV[5]), {}
local wanted = cjson.decode(ARGV[7])
for i, one in ipairs(wanted) do
  local account, unit, much = one[1], one[2], one[3]
  local key = here(account)
  as_hash(key)
  local had = redis.call('HMGET', key, 'spent:' .. unit, 'held:' .. unit, 'extra:' .. unit)
  local spent, mine = number(had[1]), own[account] and own[account][unit] or 0
  local others, most = number(had[2]) - mine, one[4] + number(had[3])
  local left = most - spent - others
  -- An estimate is high. If nobody else is spending, a turn may have all that is left.
  if others <= 0 and much > left then much = left end
  if left <= one[6] or much > left then
    local first = redis.call('HSETNX', key, 'over:' .. unit, 1)
    redis.call('EXPIREAT', key, one[5])
    return {i, spent, others, most, first}
  end
  hold[account] = hold[account] or {}
  hold[account][unit] = math.floor(much)
end
give_back(KEYS[4], ARGV[5])
for _, one in ipairs(wanted) do
  add('HINCRBY', here(one[1]), 'held:' .. one[2], hold[one[1]][one[2]])
  redis.call('EXPIREAT', here(one[1]), one[5])
end
redis.call('HSET', KEYS[4], ARGV[5],
  cjson.encode({event = ARGV[6], fence = ARGV[4], accounts = hold}))
return {0}
