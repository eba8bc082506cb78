package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
)

// Server is the in-process Pub/Sub. Start it with Start, end it with Close.
type Server struct {
	Addr string // host:port of the gRPC API, for PUBSUB_EMULATOR_HOST

	store  *pstest.Server
	api    *grpc.Server
	signer *Signer
	logger *slog.Logger

	// published is held for reading while a message enters the store, so that the
	// store can be emptied between two messages.
	published sync.RWMutex
	wake      chan struct{} // of size 1: something happened
	stop      context.CancelFunc
	running   sync.WaitGroup

	configMu sync.Mutex // guards the store's subscriptions, too, which are handed out by reference
	ordered  map[string]bool

	feedersMu sync.Mutex
	feeders   map[string]*feeder // by subscription, push ones only

	undelivered atomic.Int64
	delivered   atomic.Int64
	dead        atomic.Int64
}

// Start listens at addr ("127.0.0.1:0" for a free port) and pushes until Close.
func Start(addr string, signer *Signer, logger *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start Pub/Sub: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		Addr: listener.Addr().String(), store: pstest.NewServerWithAddress("127.0.0.1:0"), api: grpc.NewServer(),
		signer: signer, logger: logger, wake: make(chan struct{}, 1), stop: stop, ordered: map[string]bool{}, feeders: map[string]*feeder{},
	}
	// The store's own listener stays unused: clients get the API with what the relay
	// needs around it.
	pubsubpb.RegisterPublisherServer(s.api, &publisher{GServer: &s.store.GServer, server: s})
	pubsubpb.RegisterSubscriberServer(s.api, &subscriber{GServer: &s.store.GServer, server: s})
	pubsubpb.RegisterSchemaServiceServer(s.api, &s.store.GServer)
	s.running.Go(func() { // ends with api.Stop
		if err := s.api.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			logger.Error("pubsub stopped", "error", err)
		}
	})
	s.running.Go(func() { s.relay(ctx) }) // ends with stop
	return s, nil
}

// nudge wakes the relay.
func (s *Server) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it has been told
	}
}

// Counts are totals since the start, over all push subscriptions.
type Counts struct{ Undelivered, Delivered, Dead int64 }

// Counts returns the totals.
func (s *Server) Counts() Counts {
	return Counts{s.undelivered.Load(), s.delivered.Load(), s.dead.Load()}
}

// Flush waits until every message that was published before the call is delivered
// or dead, or ctx ends.
func (s *Server) Flush(ctx context.Context) error {
	s.take()
	for s.undelivered.Load() > 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("flush Pub/Sub: %d messages are not delivered: %w", s.undelivered.Load(), context.Cause(ctx))
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

// Close ends the server and all pushes under way.
func (s *Server) Close() error {
	s.stop()
	s.api.Stop()
	s.running.Wait()
	if err := s.store.Close(); err != nil {
		return fmt.Errorf("close Pub/Sub: %w", err)
	}
	s.store.Wait()
	return nil
}
