"""What Redis does with a place, as one step each, on Redis's own clock.

A place is a hash: `fingerprint` of the request, `owner` (the action that holds it), `lease` (until when, in ms),
`began` and `first` (when and by which action it was taken first), `inherited` (an owner died or had no clear end),
`answer`. It expires by itself a day after it began. A sorted set holds each caller's places by age, so that one
caller's keys have a bound: past it the oldest answered ones are forgotten. What has no answer is never forgotten for
that; once met it goes to the end of the line, so that it is not in the way of the next look for room.

Every script bears being run twice: a reply may be lost, and the link then asks again.

What needs memory is written before anything else. A full Redis refuses such a command only while its script has written
nothing; after that it lets everything through, and would grow past its `maxmemory` until it is killed.
"""

from typing import Final

from services.redis_link import Script

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
"""

_MAKE_ROOM: Final = """
local function may_be_forgotten(name)
  return redis.call('HEXISTS', name, 'answer') == 1 or redis.call('EXISTS', name) == 0
end

local function make_room(places, most, kept_ms, place_prefix)
  redis.call('ZREMRANGEBYSCORE', places, '-inf', whole(now - kept_ms))
  local over = redis.call('ZCARD', places) - most + 1
  local looks_left = 32
  while over > 0 and looks_left > 0 do
    for _, member in ipairs(redis.call('ZRANGE', places, 0, over + 15)) do
      local name = place_prefix .. member
      if may_be_forgotten(name) then
        redis.call('DEL', name)
        redis.call('ZREM', places, member)
        over = over - 1
        if over == 0 then return true end
      else
        redis.call('ZADD', places, whole(now), member)
      end
    end
    looks_left = looks_left - 1
  end
  return over <= 0
end
"""

CLAIM: Final = Script(
    _NOW
    + _MAKE_ROOM
    + """
local place, places = KEYS[1], KEYS[2]
local fingerprint, owner, member, place_prefix = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local lease_ms, kept_ms, most, age_ms = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local lease = whole(now + lease_ms)

local was = redis.call('HMGET', place, 'fingerprint', 'owner', 'lease', 'answer', 'began', 'first', 'inherited')
if not was[1] then
  redis.call('HSET', place, 'fingerprint', fingerprint, 'owner', owner, 'lease', lease,
    'began', whole(now - age_ms), 'first', owner)
  redis.call('PEXPIRE', place, kept_ms)
  if not make_room(places, most, kept_ms, place_prefix) then
    redis.call('DEL', place)
    return {'full'}
  end
  redis.call('ZADD', places, whole(now), member)
  redis.call('PEXPIRE', places, kept_ms)
  return {'first'}
end
if was[1] ~= fingerprint then return {'mismatch'} end
if was[4] then return {'replay', was[4]} end
local is_ours = was[2] == owner
if not is_ours and tonumber(was[3]) > now then return {'running'} end
redis.call('HSET', place, 'owner', owner, 'lease', lease)
if is_ours and not was[7] then return {'first'} end
redis.call('HSET', place, 'inherited', '1')
return {'orphaned', was[6], whole(now - was[5])}
"""
)

SETTLE: Final = Script(
    """
local place, places = KEYS[1], KEYS[2]
local fingerprint, owner, member, kept_ms, answer = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local is_unsettled = ARGV[6] == '1'

local was = redis.call('HMGET', place, 'owner', 'answer', 'inherited')
if was[1] and (was[1] ~= owner or was[2]) then return 0 end
if is_unsettled and was[1] then
  redis.call('HSET', place, 'lease', '0', 'inherited', '1')
elseif answer then
  redis.call('HSET', place, 'fingerprint', fingerprint, 'owner', owner, 'answer', answer)
  if not was[1] then redis.call('PEXPIRE', place, kept_ms) end
elseif was[3] then
  redis.call('HSET', place, 'lease', '0')
elseif was[1] then
  redis.call('DEL', place)
  redis.call('ZREM', places, member)
end
return 1
"""
)

RENEW: Final = Script(
    _NOW
    + """
local lease = whole(now + tonumber(ARGV[1]))
local held = {}
for i, place in ipairs(KEYS) do
  local was = redis.call('HMGET', place, 'owner', 'lease')
  if not was[1] then
    held[i] = 'lost'
  elseif was[1] ~= ARGV[i + 1] or was[2] == '0' then -- another's, or its request has ended
    held[i] = 'taken'
  else
    redis.call('HSET', place, 'lease', lease)
    held[i] = 'held'
  end
end
return held
"""
)

RUNNING: Final = Script(
    _NOW
    + """
local running = {}
for i, place in ipairs(KEYS) do
  local was = redis.call('HMGET', place, 'lease', 'answer')
  running[i] = (was[1] and not was[2] and tonumber(was[1]) > now) and 1 or 0
end
return running
"""
)
