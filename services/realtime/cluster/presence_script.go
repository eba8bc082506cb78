package cluster

import "github.com/redis/go-redis/v9"

// The scripts use only what miniredis runs too, and only Redis' own clock.
//
// A room is one hash, so that Redis loses all of it or nothing. Its field "" holds the
// containers with players in the room, as JSON: {container: [end of its lease in ms,
// sockets]}. A field "c:<container>" stands for each of them, so that a container sees
// cheaply whether it is still there. A field "p:<player>" holds {"n": name, "c": {container: 1}}:
// a player counts once, on however many containers.

// clock gives the scripts now, in milliseconds.
const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

// syncRoom brings one room in Redis up to what this container holds.
//
// ARGV: container, lease in ms, 1 to remove containers whose lease has ended (else 0),
// sockets of this container in the room, number of present players, then id and name
// of each, then the ids of players who left this container. It returns the number of players in
// the room, those who were not there before, those who are not there any more with
// their names, the number of sockets, and 1 when this container was in the room before:
// the script is atomic, so exactly one container is told of each change.
var syncRoom = redis.NewScript(clock + `
local room = KEYS[1]
local me, lease, sweep, sockets, present = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local joined, left = {}, {}
local raw = redis.call('HGET', room, '')
local held = raw and cjson.decode(raw) or {}
local known = held[me] and 1 or 0

local function remove(field, name)
  left[#left + 1] = string.sub(field, 3)
  left[#left + 1] = name
  redis.call('HDEL', room, field)
end

-- keep writes a player without the containers that others does not want, or removes
-- one who is on none.
local function keep(field, raw, others)
  local player = cjson.decode(raw)
  local on, some = {}, false
  for container in pairs(player.c) do
    if others(container) then on[container], some = 1, true end
  end
  if not some then return remove(field, player.n) end
  redis.call('HSET', room, field, cjson.encode({n = player.n, c = on}))
end

if sweep == '1' then
  local dead, some = {}, false
  for container, lasts in pairs(held) do
    if container ~= me and lasts[1] <= now then dead[container], some = true, true end
  end
  if some then
    local all = redis.call('HGETALL', room)
    for i = 1, #all, 2 do
      if string.sub(all[i], 1, 2) == 'p:' then
        keep(all[i], all[i + 1], function(container) return held[container] and not dead[container] end)
      end
    end
    for container in pairs(dead) do
      held[container] = nil
      redis.call('HDEL', room, 'c:' .. container)
    end
  end
end

for i = 6, 4 + 2 * present, 2 do
  local field = 'p:' .. ARGV[i]
  local raw = redis.call('HGET', room, field)
  local on = {}
  if raw then on = cjson.decode(raw).c else joined[#joined + 1] = ARGV[i] end
  on[me] = 1
  redis.call('HSET', room, field, cjson.encode({n = ARGV[i + 1], c = on}))
end

for i = 6 + 2 * present, #ARGV do
  local field = 'p:' .. ARGV[i]
  local raw = redis.call('HGET', room, field)
  if raw then
    keep(field, raw, function(container)
      return container ~= me and held[container] and held[container][1] > now
    end)
  end
end

if sockets > 0 then
  held[me] = {now + lease, sockets}
  redis.call('HSET', room, 'c:' .. me, '')
else
  held[me] = nil
  redis.call('HDEL', room, 'c:' .. me)
end
local containers, all = 0, 0
for _, lasts in pairs(held) do
  containers = containers + 1
  if lasts[1] > now then all = all + lasts[2] end
end
if containers == 0 then
  redis.call('DEL', room)
  return {0, joined, left, 0, known}
end
redis.call('HSET', room, '', cjson.encode(held))
redis.call('PEXPIRE', room, 2 * lease)
return {redis.call('HLEN', room) - containers - 1, joined, left, all, known}
`)

// readRoom returns Redis' time in ms and the whole room.
var readRoom = redis.NewScript(clock + `return {now, redis.call('HGETALL', KEYS[1])}`)

// countRoom returns the players and the sockets of a room. Only while a container is
// dead and not yet removed does it look at every player.
var countRoom = redis.NewScript(clock + `
local raw = redis.call('HGET', KEYS[1], '')
if not raw then return {0, 0} end
local held = cjson.decode(raw)
local containers, sockets, dead = 0, 0, false
for container, lasts in pairs(held) do
  containers = containers + 1
  if lasts[1] > now then sockets = sockets + lasts[2] else dead = true end
end
if not dead then return {redis.call('HLEN', KEYS[1]) - containers - 1, sockets} end
local players = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'p:' then
    for container in pairs(cjson.decode(all[i + 1]).c) do
      if held[container] and held[container][1] > now then
        players = players + 1
        break
      end
    end
  end
end
return {players, sockets}
`)

// syncCluster notes this container among all, and counts them.
//
// KEYS: a hash of the containers, "end of lease in ms, sockets" each, and a sorted set of the rooms
// that have players, by the time until which they are believed to have some. ARGV:
// container, lease in ms, sockets or -1 to leave, how long rooms are believed in ms,
// then rooms. It returns containers, sockets and rooms.
var syncCluster = redis.NewScript(clock + `
local me, lease, sockets = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if sockets < 0 then
  redis.call('HDEL', KEYS[1], me)
else
  redis.call('HSET', KEYS[1], me, string.format('%.0f %.0f', now + lease, sockets))
end
for i = 5, #ARGV do
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + tonumber(ARGV[4])), ARGV[i])
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], 10 * lease)
redis.call('PEXPIRE', KEYS[2], 10 * lease)
local containers, total = 0, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local ends, n = string.match(all[i + 1], '^(%d+) (%d+)$')
  if ends and tonumber(ends) > now then
    containers, total = containers + 1, total + tonumber(n)
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return {containers, total, redis.call('ZCARD', KEYS[2])}
`)

// key is the hash of a room.
func (p *Presence) key(room string) string { return p.opts.Prefix + ":{presence:" + room + "}" }

// clusterKeys share one slot of a Redis Cluster.
func (p *Presence) clusterKeys() []string {
	base := p.opts.Prefix + ":{cluster}:"
	return []string{base + "containers", base + "rooms"}
}
