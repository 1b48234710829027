-- Functions that several scripts share. This text stands before each script.

-- Whether *worker* holds the lease of *entry*.
local function owned(stream, group, worker, entry)
  local owner = redis.call('XPENDING', stream, group, entry, entry, 1)
  return #owner > 0 and owner[1][2] == worker
end

-- Whether the turn with *fence* may go on: no later turn was begun in its lane, its question was
-- not changed, and its conversation did not move.
local function current(lane_state, fence, state)
  return redis.call('HGET', lane_state, 'fence') == fence
    and redis.call('HEXISTS', state, 'moved') == 0
end

-- Fail before any change if a key has another type than its command in *sizes* is for. The caller
-- then puts the key aside, and runs the script again.
local function right_types(sizes)
  for at, size in ipairs(sizes) do redis.call(size, KEYS[at]) end
end

-- *json* as a table; empty if it is no object or list.
local function read(json)
  local good, value = pcall(cjson.decode, json or '')
  return good and type(value) == 'table' and value or {}
end

-- *value*, which stood in the store, as a number to count with; 0 if it is none, or has no bounds.
local function number(value)
  local kind = type(value)
  local found = (kind == 'string' or kind == 'number') and tonumber(value) or 0
  return found > -9e15 and found < 9e15 and found or 0
end

-- *value* as JSON; nil if it holds what JSON cannot, such as 1e999, which it can be read from.
local function write(value)
  local good, json = pcall(cjson.encode, value)
  return good and json or nil
end

-- Whether something of the moment *at* came after a turn had *began*, by the store's clock. A
-- moment that is still to come is from before the clock stepped back, unless the turn is too.
local function happened_since(began, at)
  began, at = number(began), number(at)
  local now = redis.call('TIME')[1] + 1
  return began > 0 and at >= began and (at <= now or began > now)
end

-- The sender of the mail *json*; may be empty.
local function sender_of(json)
  local sender = read(json)['sender']
  local id = type(sender) == 'table' and sender['id']
  return type(id) == 'string' and id or ''
end

-- Add *much* to a number in a hash. Anything there that is no number, or no hash, is dropped.
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

-- Note that the posts from ARGV[*at*] on were made for *person* (empty: nothing to note). Who was
-- noted first stays: an admin's retry writes into the same posts.
local function note_askers(askers, person, ttl_s, at)
  if person == '' or #ARGV < at then return end
  for i = at, #ARGV do redis.call('HSETNX', askers, ARGV[i], person) end
  redis.call('EXPIRE', askers, ttl_s)
end

-- Keep *letter*. Only the newest 1000 letters are kept, and at most about 16 MB. They are dropped
-- when none has come for 30 days.
local function keep_dead(dead, letter)
  local kept = redis.pcall('RPUSH', dead, letter)
  if type(kept) == 'table' then
    redis.call('DEL', dead)
    redis.call('RPUSH', dead, letter)
  end
  redis.call('LTRIM', dead, -1000, -1)
  redis.call('EXPIRE', dead, 2592000)
  for _ = 1, 1000 do
    local bytes = redis.pcall('MEMORY', 'USAGE', dead)
    if type(bytes) ~= 'number' or bytes <= 16777216 then return end
    redis.call('LPOP', dead)
  end
end

-- Make the lane *name* ready for a worker. Returns its name among those running: its own name or,
-- if the lane has the conversation's name, its entry.
-- *person*: the sender of the first mail, if the lane's name does not contain it.
local function make_ready(ready, lanes, name, person)
  local conversation, whose = string.match(name, '^(.*)|([^|]*)$')
  if conversation then
    redis.call('XADD', lanes, '*', 'c', conversation, 'p', whose)
    return name
  end
  return redis.call('XADD', ready, '*', 'c', name, 'p', person)
end

-- Give the next *parked* lane a slot among those *running*, if there is one. Later its worker renews
-- the slot. Returns the slot.
local function wake(ready, lanes, running, parked, person)
  local name = redis.call('LPOP', parked)
  if not name then return end
  local slot = make_ready(ready, lanes, name, person)
  -- Until then it may wait long for a free worker, and must keep its slot.
  redis.call('ZADD', running, redis.call('TIME')[1] + 600, slot)
  return slot
end

-- Give up *slot* among those *running*, if it is there.
local function give_slot(ready, lanes, running, parked, slot, person)
  if redis.call('ZREM', running, slot) == 1 then wake(ready, lanes, running, parked, person) end
end

-- Whether *field* of a lane's state is a record of its journal (`core.store.journal`).
local function is_record(field) return string.sub(field, 1, 6) == 'round:' end

-- Give up the lease of *entry*.
local function let_go(stream, group, entry)
  redis.call('XACK', stream, group, entry)
  redis.call('XDEL', stream, entry)
end

-- Take a reminder out of all places. *names*: due, reminders, the person's by number, the place's.
local function end_reminder(names, id)
  redis.call('ZREM', names[1], id)
  redis.call('HDEL', names[2], id)
  redis.call('SREM', names[4], id)
  local mine = redis.call('HGETALL', names[3])
  for i = 2, #mine, 2 do
    if mine[i] == id then redis.call('HDEL', names[3], mine[i - 1]) end
  end
end

-- The hash *key* as a table.
local function fields_of(key)
  local flat, fields = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end
