package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/broadcast"
)

// countTime bounds the counting of subscribers, which has to end in the time of a
// request even when a node does not answer.
const countTime = 400 * time.Millisecond

// nodeOf returns the node of a Redis Cluster that has a key's or channel's slot, as far
// as is known; of a Redis that is no cluster, the client itself. What goes through it is
// not sent elsewhere, and in its order.
func nodeOf(ctx context.Context, client redis.UniversalClient, key string) (redis.UniversalClient, error) {
	c, ok := client.(*redis.ClusterClient)
	if !ok {
		return client, nil
	}
	node, err := c.MasterForKey(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("find the node of a slot: %w", err)
	}
	return node, nil
}

// addressOf names a node.
func addressOf(client redis.UniversalClient) string {
	if c, ok := client.(*redis.Client); ok {
		return c.Options().Addr
	}
	return ""
}

// subscribers counts the subscriptions to a channel, over all nodes: each is on one of
// them. What is on nodes that do not answer is not counted, and they are not waited for:
// nobody reaches them either. It is an error only when none answers.
func subscribers(ctx context.Context, client redis.UniversalClient, channel string, sharded bool) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	count := func(ctx context.Context, node redis.UniversalClient) (int, error) {
		ask := node.PubSubNumSub
		if sharded {
			ask = node.PubSubShardNumSub
		}
		counts, err := ask(ctx, channel).Result()
		return int(counts[channel]), err
	}
	c, ok := client.(*redis.ClusterClient)
	if !ok {
		n, err := count(ctx, client)
		if err != nil {
			return 0, fmt.Errorf("count subscribers: %w", err)
		}
		return n, nil
	}
	var mu sync.Mutex
	total, answered := 0, false
	var failed error
	err := c.ForEachShard(ctx, func(ctx context.Context, node *redis.Client) error {
		n, err := count(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed = err
			return nil // the others are to be counted
		}
		total, answered = total+n, true
		return nil
	})
	if err == nil && !answered {
		err = errors.Join(errors.New("no node answers"), failed)
	}
	if err != nil {
		return 0, fmt.Errorf("count subscribers: %w", err)
	}
	return total, nil
}

// homeKey is what chooses the node of routes: the one that has the slot of the main
// namespace's room log, whose messages so come without a detour.
var homeKey = broadcast.Channel("socket.io", "/", "")

// route is the node of a Redis Cluster over which a container publishes, or listens to
// what is not sharded: any does, since each passes such messages on to all others. It is
// kept, so that they stay in order, until it fails or leaves the cluster. On a Redis
// that is no cluster it is the client. A route is for one goroutine at a time.
type route struct {
	client  redis.UniversalClient
	current *redis.Client
	failed  string // address of the last one that did
}

// node returns the node.
func (r *route) node(ctx context.Context) (redis.UniversalClient, error) {
	c, ok := r.client.(*redis.ClusterClient)
	if !ok {
		return r.client, nil
	}
	if r.current != nil && r.belongs(ctx) {
		return r.current, nil
	}
	owner, err := c.MasterForKey(ctx, homeKey)
	if err != nil {
		return nil, fmt.Errorf("find a node: %w", err)
	}
	r.current = owner
	if owner.Options().Addr == r.failed {
		for _, other := range members(ctx, c.ForEachMaster) {
			if other.Options().Addr != r.failed {
				r.current = other
				break
			}
		}
	}
	return r.current, nil
}

// belongs says whether the node is one of the cluster's, as far as is known.
func (r *route) belongs(ctx context.Context) bool {
	c, ok := r.client.(*redis.ClusterClient)
	if !ok || r.current == nil {
		return true
	}
	all := members(ctx, c.ForEachShard)
	return len(all) == 0 || slices.ContainsFunc(all, func(n *redis.Client) bool {
		return n.Options().Addr == r.current.Options().Addr
	})
}

// fail has another node chosen, if there is one.
func (r *route) fail(ctx context.Context) {
	if c, ok := r.client.(*redis.ClusterClient); ok {
		if r.current != nil {
			r.failed = r.current.Options().Addr
		}
		r.current = nil
		c.ReloadState(ctx)
	}
}

// members are the nodes that a ForEach of a cluster client visits; it asks none.
func members(ctx context.Context, each func(context.Context, func(context.Context, *redis.Client) error) error) []*redis.Client {
	var mu sync.Mutex
	var found []*redis.Client
	_ = each(ctx, func(_ context.Context, n *redis.Client) error { // fails when it visits none
		mu.Lock()
		defer mu.Unlock()
		found = append(found, n)
		return nil
	})
	return found
}
