package stack

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"
)

// stopTimeout is enough for every part to end in order: services take at most 8 s.
const stopTimeout = 30 * time.Second

// flushTimeout bounds the delivery of facts that are under way.
const flushTimeout = 3 * time.Second

// Stop ends everything in the order in which work flows: door, realtime and actions,
// the facts that are under way, events, then Redis and PostgreSQL. It kills what
// does not end before ctx does; its error names that.
func (s *Stack) Stop(ctx context.Context) error {
	close(s.stopping)
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var front, back []*Service
	for _, service := range s.services {
		if service.Name == "events" {
			back = append(back, service)
		} else {
			front = append(front, service)
		}
	}
	note(s.stopServices(ctx, front))
	if s.pubsub != nil && s.server != nil {
		flush, cancel := context.WithTimeout(ctx, flushTimeout)
		if err := s.pubsub.Flush(flush); err != nil {
			s.screen.say("%v", err) // a word to the developer, no failure
		}
		cancel()
	}
	note(s.stopServices(ctx, back))
	s.cancel()
	if s.server != nil {
		note(s.server.Close())
		s.door.Close()
	}
	if s.pubsub != nil {
		note(s.pubsub.Close())
	}
	for _, f := range slices.Backward(s.closers) {
		note(f())
	}
	s.background.Wait()
	s.transport.CloseIdleConnections()
	if s.mini != nil {
		s.mini.Close()
	}
	if s.redis != nil {
		note(s.redis.Stop(ctx))
	}
	if s.postgres != nil {
		note(s.postgres.Stop(ctx))
	}
	if s.state != nil {
		s.state.close()
	}
	if s.temporary != "" {
		note(os.RemoveAll(s.temporary))
	}
	return errors.Join(errs...)
}

// stopServices stops several at once.
func (s *Stack) stopServices(ctx context.Context, services []*Service) error {
	errs := make([]error, len(services))
	var wg sync.WaitGroup
	for i, service := range services {
		wg.Go(func() { // bounded by ctx
			took, err := service.Stop(ctx)
			if errs[i] = err; err == nil && took > 0 {
				s.screen.step(service.Name, "ended", took)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// heal starts the private PostgreSQL and Redis again when they die.
func (s *Stack) heal() {
	if s.opts.NoHeal {
		return
	}
	watch := func(name string, done func() <-chan struct{}, start func(context.Context) error) {
		for {
			select {
			case <-s.stopping:
				return
			case <-done():
			}
			select {
			case <-s.stopping:
				return
			case <-time.After(firstPause):
			}
			s.screen.say("%s died; starting it again", name)
			began := time.Now()
			if err := start(s.ctx); err != nil {
				s.screen.say("%s: %v", name, err)
				continue
			}
			s.screen.step(name, "is back", time.Since(began))
		}
	}
	if s.postgres != nil {
		s.background.Go(func() { watch("PostgreSQL", s.postgres.Done, s.postgres.Start) }) // ends with Stop
	}
	if s.redis != nil {
		s.background.Go(func() { watch("Redis", s.redis.Done, s.redis.Start) }) // ends with Stop
	}
}
