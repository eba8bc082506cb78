package cluster

import "github.com/redis/go-redis/v9"

// syncRoom brings one room in Redis up to what this container holds. It uses only what
// miniredis runs too, and only Redis' own clock.
//
// Three keys per room: when each player's last lease ends (a sorted set, milliseconds),
// the players' names, and each player's leases by container, as JSON. A player counts
// once, however many containers hold a lease for them.
//
// ARGV: container, lease in ms, 1 to remove players whose leases have ended (else 0),
// number of present players, then id and name of each, then the ids of players who left
// this container. It returns the number of players in
// the room, those who were not there before, and those who are not there any more, with
// their names: the script is atomic, so exactly one container is told of each.
var syncRoom = redis.NewScript(`
local seen, names, leases = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, lease, sweep, present = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local joined, left = {}, {}

-- held returns the leases of a player that have not ended, and when the last one ends.
local function held(player)
  local raw = redis.call('HGET', leases, player)
  local alive, last = {}, 0
  if raw then
    for container, ends in pairs(cjson.decode(raw)) do
      if container ~= me and ends > now then
        alive[container] = ends
        if ends > last then last = ends end
      end
    end
  end
  return alive, last
end

local function remove(player)
  left[#left + 1] = player
  left[#left + 1] = redis.call('HGET', names, player) or ''
  redis.call('ZREM', seen, player)
  redis.call('HDEL', names, player)
  redis.call('HDEL', leases, player)
end

for i = 5, 3 + 2 * present, 2 do
  local player = ARGV[i]
  if not redis.call('ZSCORE', seen, player) then joined[#joined + 1] = player end
  local alive, last = held(player)
  alive[me] = now + lease
  if alive[me] > last then last = alive[me] end
  redis.call('HSET', leases, player, cjson.encode(alive))
  redis.call('HSET', names, player, ARGV[i + 1])
  redis.call('ZADD', seen, last, player)
end

for i = 5 + 2 * present, #ARGV do
  local player = ARGV[i]
  if redis.call('ZSCORE', seen, player) then
    local alive, last = held(player)
    if last > 0 then
      redis.call('HSET', leases, player, cjson.encode(alive))
      redis.call('ZADD', seen, last, player)
    else
      remove(player)
    end
  end
end

if sweep == '1' then
  for _, player in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now)) do remove(player) end
end

for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], 2 * lease) end
return {redis.call('ZCARD', seen), joined, left}
`)

// keys are the three keys of a room; the braces keep them in one slot of a cluster.
func (p *Presence) keys(room string) []string {
	base := p.opts.Prefix + ":{presence:" + room + "}:"
	return []string{base + "seen", base + "names", base + "leases"}
}
