-- One exchange between a replica and what all replicas share: what landed, what it asks for, what it wants to see.
--
-- KEYS: 1 epoch, 2 members, 3 pauses, 4 places of the token, 5 invalid requests of the address, 6 quarantine;
--       then, for every lane, what is known of it and its flights; and the ceilings of channels.
-- ARGV: 1 the request as JSON. Times are milliseconds of this server's clock, waits are milliseconds from now.
--
-- Every part bears being carried out twice: a flight that has its place keeps it, a version written stays written.

local asked = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local reply = { t = now }

local function keep(key, milliseconds)
  redis.call('PEXPIRE', key, math.ceil(milliseconds))
end

-- Whose memory is this? After a restart or a flush it is nobody's, and nothing may be granted on it.
local epoch = redis.call('GET', KEYS[1])
if asked.epoch == '' then
  if not epoch then
    epoch = asked.proposed
    redis.call('SET', KEYS[1], epoch)
  end
  reply.epoch = epoch
elseif epoch ~= asked.epoch then
  return cjson.encode({ t = now, lost = true })
end
keep(KEYS[1], asked.kept)

local function lane(at)
  return {
    v = redis.call('HGET', KEYS[at], 'v') or '',
    s = redis.call('HGET', KEYS[at], 's') or '',
    f = redis.call('HKEYS', KEYS[at + 1]),
  }
end

-- A place of one second: held while its request is in flight, then until a second after it has arrived.
local function hold(key, flight, milliseconds)
  redis.call('ZADD', key, now + milliseconds, flight)
  keep(key, asked.lease + 1000)
end

local function taken(key)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  return redis.call('ZCARD', key)
end

local function opens_after(key)
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  local wait = first[2] and first[2] - now or 0
  return wait > asked.cooling and asked.again or wait
end

-- What landed. A place taken by a request that was never sent is free at once.
for _, landed in ipairs(asked.landed) do
  for _, at in ipairs(landed.at) do
    if landed.ms > 0 then
      hold(KEYS[at], landed.f, landed.ms)
    else
      redis.call('ZREM', KEYS[at], landed.f)
    end
  end
  if landed.gone then
    redis.call('HDEL', KEYS[landed.gone], landed.f)
  end
end

-- What replies taught. It is written where it continues what is there, otherwise what is there is told.
reply.settled = {}
for i, settled in ipairs(asked.settled) do
  local known, flights = KEYS[settled.at], KEYS[settled.at + 1]
  local version = redis.call('HGET', known, 'v') or ''
  if version == settled.v or version == settled.new then
    redis.call('HSET', known, 'v', settled.new, 's', settled.s)
    keep(known, settled.kept)
    for _, flight in ipairs(settled.f) do
      redis.call('HDEL', flights, flight)
    end
    reply.settled[i] = true
  else
    reply.settled[i] = lane(settled.at)
  end
end

-- The budget of invalid requests, in slices of ten seconds.
local slice = math.floor(now / asked.slice)
if asked.invalid > 0 then
  redis.call('HINCRBY', KEYS[5], slice, asked.invalid)
  keep(KEYS[5], 61 * asked.slice)
end
if asked.invalid > 0 or asked.member then
  reply.slice, reply.invalid = slice, {}
  local slices = redis.call('HGETALL', KEYS[5])
  for i = 1, #slices, 2 do
    if tonumber(slices[i]) <= slice - 61 then
      redis.call('HDEL', KEYS[5], slices[i])
    else
      reply.invalid[slices[i]] = tonumber(slices[i + 1])
    end
  end
end

-- Pauses only become longer.
for name, pause in pairs(asked.pauses) do
  if now + pause.ms > tonumber(redis.call('HGET', KEYS[3], name) or '0') then
    redis.call('HSET', KEYS[3], name, now + pause.ms, name .. '/strikes', pause.strikes)
  end
  keep(KEYS[3], asked.kept)
end
reply.pauses = {}
local until_by_name = {}
for _, name in ipairs(asked.watched) do
  local paused = redis.call('HMGET', KEYS[3], name, name .. '/strikes')
  local wait = (tonumber(paused[1]) or 0) - now
  if wait > 0 then
    until_by_name[name] = wait
    reply.pauses[name] = { ms = wait, strikes = tonumber(paused[2]) or 0 }
  end
end

-- Who is there.
if asked.member then
  if asked.former then
    redis.call('ZREM', KEYS[2], asked.former)
  end
  redis.call('ZADD', KEYS[2], now, asked.member)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - asked.absent)
  keep(KEYS[2], 2 * asked.absent)
  reply.members = redis.call('ZRANGE', KEYS[2], 0, -1)
  for _, flight in ipairs(asked.aloft) do
    redis.call('ZADD', KEYS[4], 'XX', now + asked.lease, flight)
  end
  for name, milliseconds in pairs(asked.quarantined) do
    redis.call('ZADD', KEYS[6], now + milliseconds, name)
    keep(KEYS[6], milliseconds)
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now)
  reply.quarantine = redis.call('ZRANGEBYSCORE', KEYS[6], '(' .. asked.quarantine_seen, '+inf', 'WITHSCORES')
end

-- Leave to send, in the order asked for: of those that need a place of the token none passes another.
local function refusal(ask)
  for _, name in ipairs(ask.paused) do
    if until_by_name[name] then
      return { why = 'paused' }
    end
  end
  local version = redis.call('HGET', KEYS[ask.at], 'v') or ''
  if version ~= ask.v or redis.call('HLEN', KEYS[ask.at + 1]) > ask.n then
    return { why = 'lane', lane = lane(ask.at) }
  end
  if ask.ceiling and taken(KEYS[ask.ceiling]) >= ask.most then
    return { why = 'ceiling', ms = opens_after(KEYS[ask.ceiling]) }
  end
  if ask.global and taken(KEYS[4]) >= asked.limit then
    return { why = 'global' }
  end
end

reply.asks = {}
for i, ask in ipairs(asked.asks) do
  local flights = KEYS[ask.at + 1]
  local refused = redis.call('HEXISTS', flights, ask.f) == 0 and refusal(ask)
  reply.asks[i] = refused or true
  if not refused then
    redis.call('HSET', flights, ask.f, 1)
    keep(flights, asked.kept)
    if ask.global then
      hold(KEYS[4], ask.f, asked.lease)
    end
    if ask.ceiling then
      hold(KEYS[ask.ceiling], ask.f, asked.lease)
    end
  end
end

-- When the next places of the token come free.
local used = taken(KEYS[4])
reply.used = used
reply.free = math.min(asked.most, math.max(0, asked.limit - used))
reply.opens = {}
local excess = math.max(0, used - asked.limit)
local coming = redis.call('ZRANGE', KEYS[4], excess, excess + 15, 'WITHSCORES')
for i = 2, #coming, 2 do
  local wait = coming[i] - now
  if wait <= asked.cooling then
    reply.opens[#reply.opens + 1] = wait
  end
end

reply.looks = {}
for i, look in ipairs(asked.looks) do
  local version = redis.call('HGET', KEYS[look.at], 'v') or ''
  local is_known = version == look.v and redis.call('HLEN', KEYS[look.at + 1]) == look.n
  reply.looks[i] = not is_known and lane(look.at)
end

return cjson.encode(reply)
