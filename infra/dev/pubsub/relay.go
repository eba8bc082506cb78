package pubsub

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

const (
	relayTick   = 200 * time.Millisecond // new subscriptions and changed ones are seen this late
	clearEvery  = 10_000                 // messages, then the store is emptied
	takeAtATime = 1 << 20                // messages: all of them
)

// relay takes what was published out of the store and feeds it to the push
// subscriptions, until ctx ends; then it waits for its feeders.
//
// A message is acknowledged to the store when it is taken: from then on its feeder
// remembers it. The store would keep it no safer, it lives in the same memory, and
// each Pull of the store walks over all that it holds.
func (s *Server) relay(ctx context.Context) {
	tick := time.NewTicker(relayTick)
	defer tick.Stop()
	for taken := 0; ; {
		s.reconcile(ctx)
		taken += s.take()
		if taken > clearEvery {
			s.clear()
			taken = 0
		}
		select {
		case <-ctx.Done():
			s.feedersMu.Lock()
			defer s.feedersMu.Unlock()
			for _, f := range s.feeders {
				f.close()
			}
			return
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// reconcile starts a feeder for each new push subscription and hands the current
// configuration to the others.
func (s *Server) reconcile(ctx context.Context) {
	subscriptions, err := s.subscriptions(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.logger.Error("list subscriptions failed", "error", err)
		}
		return
	}
	s.feedersMu.Lock()
	defer s.feedersMu.Unlock()
	seen := map[string]bool{}
	for _, sub := range subscriptions {
		if sub.GetPushConfig().GetPushEndpoint() == "" {
			continue
		}
		seen[sub.Name] = true
		f, ok := s.feeders[sub.Name]
		if !ok {
			f = newFeeder(ctx, s, sub)
			s.feeders[sub.Name] = f
		}
		f.configure(sub)
	}
	for name, f := range s.feeders {
		if !seen[name] { // deleted, or made a pull subscription
			f.close()
			delete(s.feeders, name)
		}
	}
}

// take moves all messages of push subscriptions from the store to the feeders and
// returns how many. Under the lock, so that two callers do not mix up the order.
func (s *Server) take() int {
	// With an ended context the store hands out what it has and does not wait for more.
	ended, end := context.WithCancel(context.Background())
	end()
	s.feedersMu.Lock()
	defer s.feedersMu.Unlock()
	n := 0
	for name, f := range s.feeders {
		for {
			answer, err := s.store.GServer.Pull(ended, &pubsubpb.PullRequest{Subscription: name, MaxMessages: takeAtATime})
			if err != nil || len(answer.ReceivedMessages) == 0 {
				break // nothing there, or deleted meanwhile: the next reconcile sees that
			}
			ids := make([]string, len(answer.ReceivedMessages))
			for i, m := range answer.ReceivedMessages {
				ids[i] = m.AckId
			}
			if _, err := s.store.GServer.Acknowledge(context.Background(), &pubsubpb.AcknowledgeRequest{Subscription: name, AckIds: ids}); err != nil {
				break
			}
			// The store hands messages out in any order; their ids count up.
			slices.SortFunc(answer.ReceivedMessages, func(a, b *pubsubpb.ReceivedMessage) int {
				return number(a) - number(b)
			})
			s.undelivered.Add(int64(len(ids)))
			n += len(ids)
			f.add(answer.ReceivedMessages)
		}
	}
	return n
}

func number(m *pubsubpb.ReceivedMessage) int {
	n, err := strconv.Atoi(strings.TrimPrefix(m.Message.MessageId, "m"))
	if err != nil {
		return 0 // not the store's form: leave it where it is
	}
	return n
}

// clear empties the store, which otherwise keeps every message for ever. It does
// not when a pull subscription exists, whose messages would be lost.
func (s *Server) clear() {
	s.published.Lock()
	defer s.published.Unlock()
	subscriptions, err := s.subscriptions(context.Background())
	if err != nil {
		return
	}
	for _, sub := range subscriptions {
		if sub.GetPushConfig().GetPushEndpoint() == "" {
			return
		}
	}
	s.take()
	s.store.ClearMessages()
}
