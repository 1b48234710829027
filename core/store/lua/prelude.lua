-- What several scripts share; it stands before each of them.

-- Whether *worker* holds the lease of *entry*.
local function owned(stream, group, worker, entry)
  local owner = redis.call('XPENDING', stream, group, entry, entry, 1)
  return #owner > 0 and owner[1][2] == worker
end

-- Whether the turn begun with *fence* may go on: no later one was begun in its lane, what it
-- answers was not changed, and its conversation did not move.
local function current(lane_state, fence, state)
  return redis.call('HGET', lane_state, 'fence') == fence
    and redis.call('HEXISTS', state, 'moved') == 0
end

-- Fail now, before anything is done, if a key holds another type than its *sizes* command is for:
-- it is put aside then, and the script run again.
local function right_types(sizes)
  for at, size in ipairs(sizes) do redis.call(size, KEYS[at]) end
end

-- What *json* says, as a table; empty when it says nothing of the kind.
local function read(json)
  local good, value = pcall(cjson.decode, json or '')
  return good and type(value) == 'table' and value or {}
end

-- The person who sent the mail *json*, or nobody.
local function sender_of(json)
  local sender = read(json)['sender']
  local id = type(sender) == 'table' and sender['id']
  return type(id) == 'string' and id or ''
end

-- Add *much* to a number in a hash; what stands there instead of a number, or a hash, is dropped.
local function add(command, key, field, much)
  local sum = redis.pcall(command, key, field, much)
  if type(sum) ~= 'table' or not sum.err then return sum end
  if redis.call('TYPE', key).ok == 'hash' then
    redis.call('HDEL', key, field)
  else
    redis.call('DEL', key)
  end
  return redis.call(command, key, field, much)
end

-- Keep *letter*, and of all of them no more than 1000, or about 16 MB: the newest.
local function keep_dead(dead, letter)
  local kept = redis.pcall('RPUSH', dead, letter)
  if type(kept) == 'table' then
    redis.call('DEL', dead)
    redis.call('RPUSH', dead, letter)
  end
  redis.call('LTRIM', dead, -1000, -1)
  for _ = 1, 1000 do
    local bytes = redis.pcall('MEMORY', 'USAGE', dead)
    if type(bytes) ~= 'number' or bytes <= 16777216 then return end
    redis.call('LPOP', dead)
  end
end

-- Say that the lane *name* waits for a worker. Returns what it is among those running: the
-- lane itself, or where the name is the conversation's, as ever, its entry.
-- *person*: from whom the first mail is, where the name does not say so.
local function make_ready(ready, lanes, name, person)
  local conversation, whose = string.match(name, '^(.*)|([^|]*)$')
  if conversation then
    redis.call('XADD', lanes, '*', 'c', conversation, 'p', whose)
    return name
  end
  return redis.call('XADD', ready, '*', 'c', name, 'p', person)
end

-- Give the next who is *parked* a slot among those *running*; its worker renews it from then on.
local function wake(ready, lanes, running, parked, person)
  local name = redis.call('LPOP', parked)
  if not name then return end
  local slot = make_ready(ready, lanes, name, person)
  -- Until then it waits for a free worker, however long that takes, and keeps its turn.
  redis.call('ZADD', running, redis.call('TIME')[1] + 600, slot)
end

-- Give up *slot* among those *running*, if it is there.
local function give_slot(ready, lanes, running, parked, slot, person)
  if redis.call('ZREM', running, slot) == 1 then wake(ready, lanes, running, parked, person) end
end

-- Give up the lease of *entry*.
local function let_go(stream, group, entry)
  redis.call('XACK', stream, group, entry)
  redis.call('XDEL', stream, entry)
end

