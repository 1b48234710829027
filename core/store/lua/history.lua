-- Functions for history that only the commit uses. This text stands before it.

-- Remove the newest exchange that answers *event* (its id in JSON) from *history*.
-- The JSON of an exchange begins with the event id, so nothing has to be decoded.
local function forget(history, event)
  local head, at, step = '{"event_id":' .. event .. ',', -1, 16
  while true do
    local some = redis.call('LRANGE', history, at - step + 1, at)
    for i = #some, 1, -1 do
      if string.sub(some[i], 1, #head) == head then
        redis.call('LREM', history, -1, some[i])
        return
      end
    end
    if #some < step then return end
    at = at - step
  end
end

-- *exchange* with a time after that of *last*. Times in history always rise, although the clocks of
-- workers differ. So a summary never reaches past the exchanges that it has seen.
local function later(exchange, last)
  local field = '"at":([%d.eE+-]+)'
  local at, before = string.match(exchange, field), string.match(last or '', field)
  if not at or number(at) > number(before) then return exchange end
  local after = string.format('"at":%.6f', number(before) + 0.000001)
  return (string.gsub(exchange, field, after, 1))
end

-- Drop the exchanges that are older than *seconds*. If no other comes, all go after that time.
local function drop_older(history, seconds)
  local oldest = redis.call('TIME')[1] - tonumber(seconds)
  while true do
    local at = string.match(redis.call('LINDEX', history, 0) or '', '"at":([%d.eE+-]+)')
    if not at or number(at) >= oldest then break end
    redis.call('LPOP', history)
  end
  redis.call('EXPIRE', history, seconds)
end

