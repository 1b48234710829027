-- Functions about money that several scripts share. This text stands before them.
-- A hold is what a lane has reserved: {"accounts": {account: {unit: much}}}, in the hash of holds.
-- Invariant: `held:UNIT` of an account is the sum of what the holds name.

-- Names inside JSON say shard 0. A script runs in one shard: that of its first key.
local tag = string.match(KEYS[1] or '', '^palaver:{%d+}:') or 'palaver:{0}:'

-- The key that is called *name* inside JSON.
local function here(name)
  if tag == 'palaver:{0}:' then return name end
  return (string.gsub(name, '^palaver:{0}:', tag))
end

-- Make sure that *key* is a hash, or nothing.
local function as_hash(key)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end
end

-- What *lane* has reserved. What is no hold of ours is left out.
local function hold_of(holds, lane)
  local raw, hold = redis.pcall('HGET', holds, lane), {}
  if type(raw) == 'table' then
    redis.call('DEL', holds)
    raw = nil
  end
  local accounts = read(raw).accounts
  for account, amounts in pairs(type(accounts) == 'table' and accounts or {}) do
    if string.find(account, ':account:', 1, true) and type(amounts) == 'table' then
      hold[account] = {}
      for unit, much in pairs(amounts) do hold[account][unit] = math.floor(number(much)) end
    end
  end
  return hold, raw
end

-- Give back what *lane* has reserved.
local function give_back(holds, lane)
  local had, hold = hold_of(holds, lane)
  for name, amounts in pairs(had) do
    local account = here(name)
    as_hash(account)
    for unit, much in pairs(amounts) do
      local field = 'held:' .. unit
      if add('HINCRBY', account, field, -much) <= 0 then redis.call('HDEL', account, field) end
    end
  end
  if hold then redis.call('HDEL', holds, lane) end
end

-- The *names* of the hash *key*. What is no hash is dropped.
local function some_of_hash(key, names)
  local found = redis.pcall('HMGET', key, unpack(names))
  if not found.err then return found end
  redis.call('DEL', key)
  return {}
end

-- Add *costs* to the sums in *key*. What is no number there counts as none.
local function add_costs(key, costs)
  local names, sums = {}, {}
  for name, much in pairs(costs) do
    if much ~= 0 then names[#names + 1] = name end
  end
  if #names == 0 then return end
  local had = some_of_hash(key, names)
  for i, name in ipairs(names) do
    sums[2*i - 1], sums[2*i] = name, string.format('%.17g', number(had[i]) + costs[name])
  end
  redis.call('HSET', key, unpack(sums))
end

-- Add *costs* to *rows*, a hash of JSON by who and what. It gets *most* rows; the rest share one row
-- of each kind. Returns how many rows are new.
local function tell(rows, costs, most)
  local fields, sums, room = {}, {}, nil
  for field in pairs(costs) do fields[#fields + 1] = field end
  if #fields == 0 then return 0 end
  local had = some_of_hash(rows, fields)
  for i, field in ipairs(fields) do
    local more, row, shared = costs[field], had[i], false
    if not row then
      room = room or most - redis.call('HLEN', rows)
      shared = room <= 0
      if shared then
        field = string.match(field, '^%a+') .. ' *'
        row = redis.call('HGET', rows, field)
      end
      if not row then room = room - 1 end
    end
    local sum = sums[field] or read(row)
    for name, much in pairs(more) do
      if name == 'name' and shared then much = nil end
      sum[name] = type(much) == 'number' and number(sum[name]) + much or much
    end
    sums[field] = sum
  end
  local written = {}
  for field, sum in pairs(sums) do
    written[#written + 1] = field
    written[#written + 1] = write(sum) or '{}'
  end
  return redis.call('HSET', rows, unpack(written))
end

-- Pay a bill (JSON): `spent` by who pays, `tallies` by who and what, and the budgets' accounts.
-- Returns the numbers of the entries that come near their limit now, for the first time.
local function pay(json)
  local bill = cjson.decode(json)
  for called, costs in pairs(bill.spent) do
    local key = here(called)
    add_costs(key, costs)
    redis.call('EXPIRE', key, bill.spent_ttl)
  end
  for _, called in ipairs(bill.tallies) do
    local tally = here(called)
    local new = tell(tally, bill.rows, bill.most_rows)
    if new > 0 then redis.call('EXPIRE', tally, bill.tally_ttl) end
  end
  local near = {}
  for i, one in ipairs(bill.accounts) do
    local account, unit, much, most, ends = here(one[1]), one[2], one[3], one[4], one[5]
    as_hash(account)
    local spent = add('HINCRBY', account, 'spent:' .. unit, much)
    local limit = most + number(redis.call('HGET', account, 'extra:' .. unit))
    if spent * 5 >= limit * 4 and spent < limit
      and redis.call('HSETNX', account, 'near:' .. unit, 1) == 1 then
      near[#near + 1] = i
    end
    redis.call('EXPIREAT', account, ends)
  end
  return near
end

