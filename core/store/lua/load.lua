-- Begin a turn: raise the lane's fence and hand over all that the turn needs.
-- Refused (nil) unless the caller owns the entry.
-- KEYS  1 stream  2 mail  3 the lane's state  4 history  5 the conversation's state  6 ready
--       7 lanes  8 who waits in groups  9 the person's running  10 the person's parked
--       11 the place's running  12 the place's parked  13 the place's state
--       14 what admins set of budgets  15 holds
--       16 the tenant's state: what holds in all places of this bot  17 what the person wants
--       remembered
-- ARGV  1 group  2 worker  3 entry  4 most_mail  5 most_history_bytes  6 how much of a try it is
--       7 lane  8 person  9 stale_s  10 most_per_person  11 most_per_place (0: any number)
--       12 ttl_s  13 its slot among those running  14... fields of the budgets that may hold here
-- Returns {fence, {mail...}, {lane's field, value...}, {exchange...} oldest first,
-- {the conversation's preferences, summary, what it became, when it was last forgotten: twice},
-- {the place's preferences, since when it remembers}, the tenant's preferences, {what is remembered:
-- field, value...}, {budgets...}, what the lane has reserved, the exchange of which the first mail is
-- another wording}, or {0}: as many turns as allowed are running for the person, or in the place. One
-- of them makes this lane ready again

-- *text* as a whole number; 0 if it is none.
local function whole(text) return math.floor(number(text)) end

-- About the last *bytes* of a history, oldest first. It is read from its end, a few at a time: the
-- cost depends on what is used, not on what is kept.
local function newest(history, bytes)
  local newest_first, read_bytes, at, step = {}, 0, -1, 16
  while read_bytes < bytes do
    local some = redis.call('LRANGE', history, at - step + 1, at)
    for i = #some, 1, -1 do
      if string.sub(some[i], -13) ~= '"aside":true}' then
        read_bytes = read_bytes + #some[i]
        newest_first[#newest_first + 1] = some[i]
      end
    end
    if #some < step then break end
    at = at - step
  end
  local exchanges = {}
  for i = #newest_first, 1, -1 do exchanges[#exchanges + 1] = newest_first[i] end
  return exchanges
end

if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
-- All is read before anything is changed, also what only the commit writes. So a key of another type
-- is found here, and neither this script nor the commit stops in the middle.
local lane, mail = fields_of(KEYS[3]), redis.call('LRANGE', KEYS[2], 0, tonumber(ARGV[4]) - 1)
local new = next(lane) == nil
if ARGV[6] == '0' and lane.entry and lane.entry ~= ARGV[3] then
  -- The lane was ready twice, because its mailbox had vanished. Its turn is that of the later entry.
  let_go(KEYS[1], ARGV[1], ARGV[3])
  -- A slot with the lane's name is the other's, too.
  if ARGV[13] == ARGV[3] then
    give_slot(KEYS[6], KEYS[7], KEYS[9], KEYS[10], ARGV[13], ARGV[8])
  end
  return nil
end

-- *names* of the hash *key*. What is read already is not read again.
local function some_of(key, names)
  if key ~= KEYS[3] then return redis.call('HMGET', key, unpack(names)) end
  local found = {}
  for i, name in ipairs(names) do found[i] = lane[name] or false end
  return found
end

local state = some_of(KEYS[5], {'preferences', 'summary', 'moved', 'cleared', 'erased'})
local place = some_of(KEYS[13], {'preferences', 'fresh'})
local tenant = redis.call('HGET', KEYS[16], 'preferences')
local limits = redis.call('HMGET', KEYS[14], unpack(ARGV, 14))
local hold = redis.call('HGET', KEYS[15], ARGV[7])
local memory = redis.call('HGETALL', KEYS[17])
local exchanges = newest(KEYS[4], tonumber(ARGV[5]))
if tonumber(ARGV[5]) <= 0 then redis.call('LLEN', KEYS[4]) end
redis.call('XLEN', KEYS[1] == KEYS[6] and KEYS[7] or KEYS[6])
redis.call('LLEN', KEYS[10])
if ARGV[10] == '0' then redis.call('ZCARD', KEYS[9]) end
if KEYS[3] ~= KEYS[5] then
  if ARGV[11] == '0' then redis.call('ZCARD', KEYS[11]) end
  redis.call('ZCARD', KEYS[8])
  redis.call('LLEN', KEYS[12])
end
local time = redis.call('TIME')
local now = tonumber(time[1])
for share = 0, 1 do
  local running, parked, most = KEYS[9 + 2*share], KEYS[10 + 2*share], tonumber(ARGV[10 + share])
  if most > 0 then
    local found, count, ours = redis.call('ZRANGE', running, 0, -1, 'WITHSCORES'), 0, false
    for i = 1, #found, 2 do
      local at = tonumber(found[i + 1])
      -- Times that are far ahead are from before the clock stepped back.
      if at <= now - tonumber(ARGV[9]) or at >= now + 900 then
        redis.call('ZREM', running, found[i])
        found[i] = wake(KEYS[6], KEYS[7], running, parked, ARGV[8])
      end
      if found[i] then count, ours = count + 1, ours or found[i] == ARGV[13] end
    end
    if count >= most and not ours then
      let_go(KEYS[1], ARGV[1], ARGV[3])
      redis.call('RPUSH', parked, ARGV[7])
      if KEYS[3] ~= KEYS[5] then redis.call('ZADD', KEYS[8], 'NX', now, ARGV[7]) end
      for other = 9, 11, 2 do
        give_slot(KEYS[6], KEYS[7], KEYS[other], KEYS[other + 1], ARGV[13], ARGV[8])
      end
      return {0}
    end
  end
end
if ARGV[10] ~= '0' then redis.call('ZADD', KEYS[9], now, ARGV[13]) end
if ARGV[11] ~= '0' then redis.call('ZADD', KEYS[11], now, ARGV[13]) end
if KEYS[3] ~= KEYS[5] then
  redis.call('ZREM', KEYS[8], ARGV[7])
  -- Only a thread with this field is followed.
  redis.call('HSET', KEYS[5], 'asked', 1)
end
local fence, tries, changed = whole(lane.fence) + 1, whole(lane.tries) + ARGV[6], {}
local function set(field, value)
  lane[field] = value
  changed[#changed + 1] = field
  changed[#changed + 1] = value
end
if ARGV[6] ~= '0' then
  if lane.open then
    -- The last try ended with its process. If it had come to quite another point than the try
    -- before it, the question is not the cause: such a try does not count, a few times.
    local at, before = number(read(lane.checkpoint).at), tonumber(lane.at)
    local ends = whole(lane.ends) + 1
    if before and ends <= 6 and math.abs(at - before) > math.max(200, 0.1 * math.max(at, before)) then
      tries = tries - ARGV[6]
    end
    set('ends', string.format('%.0f', ends))
    set('at', tostring(at))
  end
  set('open', '1')
end
set('tries', string.format('%.0f', tries))
set('fence', string.format('%.0f', fence))
set('more', '0')
if lane.entry ~= ARGV[3] then set('entry', ARGV[3]) end
if not lane.began then set('began', string.format('%d.%06d', time[1], time[2])) end
redis.call('HSET', KEYS[3], unpack(changed))
if not new then redis.call('PERSIST', KEYS[3]) end
-- The choices of a place are kept as long as somebody speaks in it, and so are the tenant's.
if place[1] or place[2] then redis.call('EXPIRE', KEYS[13], ARGV[12]) end
if tenant then redis.call('EXPIRE', KEYS[16], ARGV[12]) end
local turned, before = branch(KEYS[4], KEYS[5], mail[1])
if turned then
  exchanges, state[2] = newest(KEYS[4], tonumber(ARGV[5])), redis.call('HGET', KEYS[5], 'summary')
end
local own = {}
for name, value in pairs(lane) do
  own[#own + 1] = name
  own[#own + 1] = value
end
return {fence, mail, own, exchanges, state, place, tenant, memory, limits, hold, before}
