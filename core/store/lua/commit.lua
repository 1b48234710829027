-- End a turn: the mail leaves and the exchange enters history in this one step.
-- Refused (nil) unless the caller owns the entry and its turn is the current one. If the same
-- commit is sent again, because its answer got lost, it does nothing and is not refused.
-- KEYS  1 stream  2 mail  3 the lane's state  4 history  5 the conversation's state  6 ready
--       7 lanes  8 the person's running  9 the person's parked  10 the place's running
--       11 the place's parked  12 dead letters  13 holds  14 the state of what is above
--       15 for whom posts were made  16... what the bill and the hold name
-- ARGV  1 group  2 worker  3 entry  4 fence  5 lane  6 person  7 mail taken
--       8 the exchange to forget (its event id in JSON; may be empty; *: all)
--       9 ttl_s of the conversation  10 ttl_s of the lane  11 most_exchanges
--       12 exchange (JSON, may be empty)  13 why the mail is dead (may be empty)
--       14 the bill of the turn (JSON, see bill.lua)
--       15 preferences that change (JSON, may be empty)
--       16 since when this place's threads remember (seconds; may be empty)  17 its slot
--       18 the preferences above this conversation that change (JSON, may be empty)
--       19 for how many seconds exchanges are kept here, if shorter than 9 (else empty)
--       20 for whom it ran, in a group (else empty)  21 askers_ttl_s
--       22 the event id of the first mail taken (empty if 7 is 0)  23... its posts
-- Returns {how much mail is left, entries of the bill that come near their limit...}
local lane, state, history = KEYS[3], KEYS[5], KEYS[4]
local this = ARGV[3] .. ':' .. ARGV[4]
local own = fields_of(lane)
if own.committed == this then
  return {redis.call('LLEN', KEYS[2])}
end
-- Somebody may have erased what this turn belongs to (`erase.lua`) after the turn had begun. Its
-- exchange must then not come back.
local moved, gone = own.moved, own.erased and happened_since(own.began, own.erased)
-- In private both states are the same.
if state ~= lane then
  local shared = redis.call('HMGET', state, 'moved', 'erased')
  moved, gone = shared[1], gone or shared[2] and happened_since(own.began, shared[2])
end
if not owned(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return nil end
if own.fence ~= ARGV[4] or moved then return nil end
local taken = ARGV[7] ~= '0' and redis.call('LPOP', KEYS[2], ARGV[7]) or {}
local first, is_ready = read(taken[1]).event_id, false
if type(first) == 'string' and first ~= ARGV[22] then
  -- The mailbox vanished meanwhile, and this came since: it is for the next turn. It made the lane
  -- ready when it came.
  for i = #taken, 1, -1 do redis.call('LPUSH', KEYS[2], taken[i]) end
  taken, is_ready = {}, true
end
if ARGV[13] ~= '' then
  for _, one in ipairs(taken) do
    keep_dead(KEYS[12], cjson.encode({reason = ARGV[13], mail = one}))
  end
end
if ARGV[8] == '*' then
  redis.call('DEL', history)
  redis.call('HDEL', state, 'summary')
  redis.call('HSET', state, 'cleared', redis.call('TIME')[1])
  add('HINCRBY', state, 'forgotten', 1)
elseif ARGV[8] ~= '' then
  forget(history, ARGV[8])
  -- A summary that is being made may hold what was said before.
  add('HINCRBY', state, 'forgotten', 1)
end
if ARGV[12] ~= '' and not gone then
  local last, most = redis.call('LINDEX', history, -1), tonumber(ARGV[11])
  if redis.call('RPUSH', history, later(ARGV[12], last)) > most then
    redis.call('LTRIM', history, -most, -1)
  end
  redis.call('EXPIRE', history, ARGV[9])
  -- A turn that nobody had asked for may have taken it away (`Places.unfollow`).
  if lane ~= state then redis.call('HSET', state, 'asked', 1) end
end
if ARGV[19] ~= '' then
  drop_older(history, ARGV[19])
  redis.call('HDEL', state, 'summary')
end
give_back(KEYS[13], ARGV[5])
local near = pay(ARGV[14])
local done = {'checkpoint', 'stop', 'tries', 'open', 'ends', 'at', 'note', 'began', 'more', 'entry'}
for field in pairs(own) do
  if is_record(field) then done[#done + 1] = field end
end
for from = 1, #done, 1000 do
  redis.call('HDEL', lane, unpack(done, from, math.min(from + 999, #done)))
end
for at, of in pairs({[15] = state, [18] = KEYS[14]}) do
  if ARGV[at] ~= '' then
    local chosen, new = read(redis.call('HGET', of, 'preferences')), cjson.decode(ARGV[at])
    for name, value in pairs(new) do
      if value == cjson.null then value = nil end
      chosen[name] = value
    end
    redis.call('HSET', of, 'preferences', write(chosen) or write(new))
    redis.call('EXPIRE', of, ARGV[9])
  end
end
note_askers(KEYS[15], ARGV[20], ARGV[21], 23)
if ARGV[16] ~= '' then redis.call('HSET', state, 'fresh', ARGV[16]) end
redis.call('HSET', lane, 'committed', this)
if lane ~= state then redis.call('EXPIRE', lane, ARGV[10]) end
redis.call('EXPIRE', state, ARGV[9])
local left = redis.call('LLEN', KEYS[2])
if left > 0 and not is_ready then
  make_ready(KEYS[6], KEYS[7], ARGV[5], sender_of(redis.call('LINDEX', KEYS[2], 0)))
end
let_go(KEYS[1], ARGV[1], ARGV[3])
-- In private, what runs in the place is not counted.
for share = 8, lane ~= state and 10 or 8, 2 do
  give_slot(KEYS[6], KEYS[7], KEYS[share], KEYS[share + 1], ARGV[17], ARGV[6])
end
return {left, unpack(near)}
