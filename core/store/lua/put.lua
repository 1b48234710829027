-- Keep one incoming, once. Invariant: a mailbox has mail <=> its lane has exactly one entry in
-- a ready stream (waiting or claimed), or is parked.
-- KEYS  1 seen  2 the lane's mail  3 its state  4 the conversation's mail  5 its state
--       6 ready  7 lanes  8 the place's running
-- ARGV  1 incoming (JSON)  2 lane  3 conversation  4 dedupe_s  5 most_waiting
--       6 addressed (1 or 0)  7 stop (0: no, 1: one's own, 2: if there is none, everybody's)
--       8 control channel  9 sender  10 message that this changes (may be empty)
--       11 it was taken back (1 or 0)
-- Returns {verdict, mail waiting}
if ARGV[6] == '0' and redis.call('EXISTS', KEYS[5]) == 0 then
  return {'unasked', 0}
end
local mail, state, name = KEYS[2], KEYS[3], ARGV[2]
if mail ~= KEYS[4] then
  -- Versions before lanes used the conversation's mailbox for all. Go behind mail that they left.
  for _, one in ipairs(redis.call('LRANGE', KEYS[4], 0, -1)) do
    if sender_of(one) == ARGV[9] then mail, state, name = KEYS[4], KEYS[5], ARGV[3] end
  end
end
local waiting = redis.call('LLEN', mail)
-- A key of another type is found before anything is changed.
redis.call('XLEN', name == ARGV[3] and KEYS[6] or KEYS[7])
if ARGV[7] ~= '0' or ARGV[10] ~= '' then
  redis.call('HLEN', state)
  redis.call('HLEN', KEYS[5])
  redis.call('ZCARD', KEYS[8])
end
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[4]) then
  return {'seen', 0}
end
if ARGV[7] ~= '0' and waiting > 0 then
  -- A stop is for the answer that runs now, so it must not wait behind it.
  local event_id = read(redis.call('LINDEX', mail, 0)).event_id
  redis.call('HSET', state, 'stop', type(event_id) == 'string' and event_id or '')
  redis.call('PUBLISH', ARGV[8], name)
  return {'stopping', waiting}
end
if ARGV[7] == '2' and redis.call('ZCARD', KEYS[8]) > 0 then
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[5], 'stopped', time[1] + time[2] / 1e6)
  redis.call('PUBLISH', ARGV[8], ARGV[3])
  return {'stopping', waiting}
end
if ARGV[10] ~= '' then
  for i, one in ipairs(redis.call('LRANGE', mail, 0, -1)) do
    local said = read(one)
    if said.message == ARGV[10] and (said.command == '' or ARGV[11] == '1') then
      -- The new wording takes the place of the old one, as if it had been asked first.
      local changed = string.gsub(ARGV[1], '"edited":true', '"edited":false', 1)
      redis.call('LSET', mail, i - 1, changed)
      local saved = read(redis.call('HGET', state, 'checkpoint'))
      local first = read(redis.call('LINDEX', mail, 0))
      -- How many mails the turn of a question serves. Until it has said something, nobody knows.
      local pieces = tonumber(saved.pieces) or 0
      local served = i == 1 or said.burst ~= ''
        or (first.command == '' and (pieces == 0 or i <= pieces))
      if redis.call('HEXISTS', state, 'tries') == 1 and served then
        -- Its turn is running. That turn must not commit; the next turn uses its posts.
        add('HINCRBY', state, 'fence', 1)
        local posts = {}
        for _, post in ipairs(type(saved.pages) == 'table' and saved.pages or {}) do
          if type(post) == 'string' then posts[#posts + 1] = post end
        end
        if type(saved.picture) == 'string' and saved.picture ~= '' then
          posts[#posts + 1] = saved.picture
        end
        redis.call('HDEL', state, 'checkpoint')
        local kept = write({event_id = first.event_id, pages = posts})
        if kept and #posts > 0 then redis.call('HSET', state, 'checkpoint', kept) end
        redis.call('PUBLISH', ARGV[8], name)
      end
      return {'changed', waiting}
    end
  end
  if ARGV[11] == '1' then return {'unasked', waiting} end
end
if waiting >= tonumber(ARGV[5]) then
  return {'full', waiting}
end
if redis.call('RPUSH', mail, ARGV[1]) == 1 then
  make_ready(KEYS[6], KEYS[7], name, ARGV[9])
elseif redis.call('HEXISTS', state, 'tries') == 1 then
  -- It may belong to the question that is being answered.
  add('HINCRBY', state, 'more', 1)
  redis.call('PUBLISH', ARGV[8], name)
end
return {'kept', waiting}
