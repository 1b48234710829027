-- Functions about money that several scripts share. This text stands before them.
-- A hold is what a lane has reserved: {"accounts": {account: {unit: much}}}, in the hash of holds.
-- Invariant: `held:UNIT` of an account is the sum of what the holds name.

-- Make sure that *key* is a hash, or nothing.
local function as_hash(key)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end
end

-- What *lane* has reserved.
local function hold_of(holds, lane)
  as_hash(holds)
  local accounts = read(redis.call('HGET', holds, lane)).accounts
  return type(accounts) == 'table' and accounts or {}
end

-- Give back what *lane* has reserved.
local function give_back(holds, lane)
  for account, amounts in pairs(hold_of(holds, lane)) do
    as_hash(account)
    for unit, much in pairs(amounts) do
      local field = 'held:' .. unit
      if add('HINCRBY', account, field, -much) <= 0 then redis.call('HDEL', account, field) end
    end
  end
  redis.call('HDEL', holds, lane)
end

-- Pay a bill (JSON): `spent` by who pays, `tally` by who and what, and the budgets' accounts.
-- Returns the numbers of the entries that come near their limit now, for the first time.
local function pay(json)
  local bill = cjson.decode(json)
  for key, costs in pairs(bill.spent) do
    for name, much in pairs(costs) do add('HINCRBYFLOAT', key, name, much) end
    redis.call('EXPIRE', key, bill.spent_ttl)
  end
  as_hash(bill.tally)
  for field, costs in pairs(bill.rows) do
    if redis.call('HLEN', bill.tally) >= bill.most_rows
      and redis.call('HEXISTS', bill.tally, field) == 0 then
      -- The rest share one row of each kind.
      field, costs.name = string.match(field, '^%a+') .. ' *', nil
    end
    local row = read(redis.call('HGET', bill.tally, field))
    for name, much in pairs(costs) do
      row[name] = type(much) == 'number' and (tonumber(row[name]) or 0) + much or much
    end
    redis.call('HSET', bill.tally, field, cjson.encode(row))
    redis.call('EXPIRE', bill.tally, bill.tally_ttl)
  end
  local near = {}
  for i, one in ipairs(bill.accounts) do
    local account, unit, much, most, ends = one[1], one[2], one[3], one[4], one[5]
    as_hash(account)
    local spent = add('HINCRBY', account, 'spent:' .. unit, much)
    local limit = most + (tonumber(redis.call('HGET', account, 'extra:' .. unit)) or 0)
    if spent * 5 >= limit * 4 and spent < limit
      and redis.call('HSETNX', account, 'near:' .. unit, 1) == 1 then
      near[#near + 1] = i
    end
    redis.call('EXPIREAT', account, ends)
  end
  return near
end

