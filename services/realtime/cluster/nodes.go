package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
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
