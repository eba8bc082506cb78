// Package roster is the list of the containers that run now: each writes its own card to
// Redis every few seconds, and operators read all of them. An address alone would not do:
// behind a load balancer each answer is that of some container.
//
// A card ends by itself when its container does not renew it. Ends are by Redis' clock,
// so clocks of containers do not matter. The list decides nothing: rooms, bets and money
// go on without it.
package roster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/takings"
)

const (
	// Every is how often a container writes its card.
	Every = 2 * time.Second
	// Lease is how long a card lasts that is not renewed.
	Lease = 10 * time.Second
	// maxCard bounds a card, in bytes. One of actions has about 2 KiB.
	maxCard = 64 << 10
)

// key is one hash, so on one node of a Redis Cluster: id to "end in ms, card".
const key = "vegas:{roster}"

// Card is what a container says of itself.
type Card struct {
	ID       string                  `json:"id"` // of the process
	Service  string                  `json:"service"`
	Revision string                  `json:"revision,omitempty"` // that the platform gave it
	Health   health.Document         `json:"health"`
	Crowd    *Crowd                  `json:"crowd,omitempty"` // of realtime
	Games    map[string]takings.Sums `json:"games,omitempty"` // of actions, since the container's start
}

// Crowd is what a container has of the cluster.
type Crowd struct {
	Sockets int `json:"sockets"`
	Rooms   int `json:"rooms"` // in which its sockets are
}

// The scripts use only what miniredis runs too, and only Redis' own clock.
const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

// write notes a card, with a lease of ARGV[2] ms, and removes those that have ended.
var write = redis.NewScript(clock + `
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f ', now + ARGV[2]) .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], 10 * ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local ends = string.match(all[i + 1], '^(%d+) ')
  if not ends or tonumber(ends) <= now then redis.call('HDEL', KEYS[1], all[i]) end
end
return 1
`)

// read returns the cards that have not ended.
var read = redis.NewScript(clock + `
local cards = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local ends, card = string.match(all[i + 1], '^(%d+) (.*)$')
  if ends and tonumber(ends) > now then cards[#cards + 1] = card end
end
return cards
`)

// Put writes a card, which lasts for Lease.
func Put(ctx context.Context, client redis.UniversalClient, card Card) error {
	text, err := json.Marshal(card)
	if err == nil && len(text) > maxCard {
		err = fmt.Errorf("%d bytes, more than %d", len(text), maxCard)
	}
	if err == nil {
		err = write.Run(ctx, client, []string{key}, card.ID, Lease.Milliseconds(), text).Err()
	}
	if err != nil {
		return fmt.Errorf("write the card of a container: %w", err)
	}
	return nil
}

// Remove takes a card away, at the end of its container.
func Remove(ctx context.Context, client redis.UniversalClient, id string) error {
	if err := client.HDel(ctx, key, id).Err(); err != nil {
		return fmt.Errorf("remove the card of a container: %w", err)
	}
	return nil
}

// List returns the cards of all containers by service and id. Those that cannot be read
// are left out: another version may have written them.
func List(ctx context.Context, client redis.UniversalClient) ([]Card, error) {
	texts, err := read.Run(ctx, client, []string{key}).StringSlice()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("list the containers: %w", err)
	}
	cards := make([]Card, 0, len(texts))
	for _, text := range texts {
		var card Card
		if json.Unmarshal([]byte(text), &card) == nil && card.ID != "" {
			cards = append(cards, card)
		}
	}
	slices.SortFunc(cards, func(a, b Card) int { return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.ID, b.ID)) })
	return cards, nil
}
