-- A function for the branches of a conversation that only `load` uses. This text stands before it.

-- Let *history* be the branch that *mail* (JSON) goes on from: exchanges whose questions are
-- *elsewhere* are set aside, and those of its own branch are back. Nothing leaves the list, so the
-- times in it still rise. A summary of an exchange that changed is dropped.
-- Returns whether anything changed, and the exchange of which the mail is another wording.
local function branch(history, state, mail)
  -- Most conversations have no branches. Then nothing is read.
  if not string.find(mail or '', '"elsewhere":["', 1, true) then return false, '' end
  local asked, elsewhere, first, before = read(mail), {}, nil, ''
  for _, message in ipairs(asked.elsewhere) do elsewhere[message] = true end
  for at, exchange in ipairs(redis.call('LRANGE', history, 0, -1)) do
    -- In JSON no string holds a bare quotation mark, so these are the fields themselves.
    local message = string.match(exchange, ',"message":"([^"]*)"') or ''
    local aside = string.find(exchange, '"aside":true}', -13, true) ~= nil
    local goes = elsewhere[message] == true
    if message ~= '' and message == asked.instead then before = exchange end
    if goes ~= aside then
      local bare = string.gsub(string.sub(exchange, 1, -2), ',"aside":%a+$', '')
      redis.call('LSET', history, at - 1, bare .. ',"aside":' .. tostring(goes) .. '}')
      first = first or number(string.match(exchange, '"at":([%d.eE+-]+)'))
    end
  end
  if first and number(read(redis.call('HGET', state, 'summary'))['until']) >= first then
    redis.call('HDEL', state, 'summary')
  end
  -- A summary that is being made may hold what is set aside now.
  if first then add('HINCRBY', state, 'forgotten', 1) end
  return first ~= nil, before
end

