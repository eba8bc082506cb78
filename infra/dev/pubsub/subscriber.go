package pubsub

import (
	"context"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/protobuf/proto"
)

// publisher is the store's publisher that wakes the relay.
type publisher struct {
	*pstest.GServer
	server *Server
}

// Publish implements pubsubpb.PublisherServer.
func (p *publisher) Publish(ctx context.Context, req *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	p.server.published.RLock()
	answer, err := p.GServer.Publish(ctx, req)
	p.server.published.RUnlock()
	p.server.nudge()
	return answer, err
}

// subscriber is the store's subscriber for clients. It keeps the order of push
// subscriptions away from the store, which finds the next message of a key by
// walking over all messages, and takes either of two with one time stamp. The
// relay orders by message id instead.
type subscriber struct {
	*pstest.GServer
	server *Server
}

// CreateSubscription implements pubsubpb.SubscriberServer.
func (s *subscriber) CreateSubscription(ctx context.Context, req *pubsubpb.Subscription) (*pubsubpb.Subscription, error) {
	s.server.configMu.Lock()
	defer s.server.configMu.Unlock()
	stored := proto.CloneOf(req)
	ordered := req.EnableMessageOrdering && req.GetPushConfig().GetPushEndpoint() != ""
	stored.EnableMessageOrdering = req.EnableMessageOrdering && !ordered
	made, err := s.GServer.CreateSubscription(ctx, stored)
	if err != nil {
		return nil, err
	}
	s.server.ordered[req.Name] = ordered
	s.server.nudge()
	return s.server.show(made), nil
}

// GetSubscription implements pubsubpb.SubscriberServer.
func (s *subscriber) GetSubscription(ctx context.Context, req *pubsubpb.GetSubscriptionRequest) (*pubsubpb.Subscription, error) {
	s.server.configMu.Lock()
	defer s.server.configMu.Unlock()
	got, err := s.GServer.GetSubscription(ctx, req)
	if err != nil {
		return nil, err
	}
	return s.server.show(got), nil
}

// ListSubscriptions implements pubsubpb.SubscriberServer.
func (s *subscriber) ListSubscriptions(ctx context.Context, req *pubsubpb.ListSubscriptionsRequest) (*pubsubpb.ListSubscriptionsResponse, error) {
	s.server.configMu.Lock()
	defer s.server.configMu.Unlock()
	page, err := s.GServer.ListSubscriptions(ctx, req)
	if err != nil {
		return nil, err
	}
	for i, sub := range page.Subscriptions {
		page.Subscriptions[i] = s.server.show(sub)
	}
	return page, nil
}

// UpdateSubscription implements pubsubpb.SubscriberServer.
func (s *subscriber) UpdateSubscription(ctx context.Context, req *pubsubpb.UpdateSubscriptionRequest) (*pubsubpb.Subscription, error) {
	s.server.configMu.Lock()
	defer s.server.configMu.Unlock()
	got, err := s.GServer.UpdateSubscription(ctx, req)
	if err != nil {
		return nil, err
	}
	s.server.nudge()
	return s.server.show(got), nil
}

// show is a copy of a subscription of the store as its maker described it. The
// store hands out its own memory; callers hold configMu.
func (s *Server) show(stored *pubsubpb.Subscription) *pubsubpb.Subscription {
	shown := proto.CloneOf(stored)
	shown.EnableMessageOrdering = shown.EnableMessageOrdering || s.ordered[shown.Name]
	return shown
}

// subscriptions lists all of them, over all projects.
func (s *Server) subscriptions(ctx context.Context) ([]*pubsubpb.Subscription, error) {
	api := &subscriber{GServer: &s.store.GServer, server: s}
	var all []*pubsubpb.Subscription
	request := &pubsubpb.ListSubscriptionsRequest{}
	for {
		page, err := api.ListSubscriptions(ctx, request)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Subscriptions...)
		if page.NextPageToken == "" {
			return all, nil
		}
		request.PageToken = page.NextPageToken
	}
}
