package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/vegascore/vegascore/infra/dev/pubsub"
	"github.com/vegascore/vegascore/shared/telemetry"
)

// startPubsub starts the in-process server, or a gateway that signs for the emulator
// that is configured. The topics and subscriptions come with provisionPubsub.
func (s *Stack) startPubsub() (how string, err error) {
	log := s.state.logger("pubsub", s)
	if s.opts.PubsubEmulator != "" {
		s.vars.pubsubHost = s.opts.PubsubEmulator
		return "from PUBSUB_EMULATOR_HOST, pushes signed here", nil
	}
	port, err := s.state.port("pubsub")
	if err != nil {
		return "", err
	}
	if s.pubsub, err = pubsub.Start("127.0.0.1:"+strconv.Itoa(port), s.signer, log); err != nil {
		return "", err
	}
	s.vars.pubsubHost = s.pubsub.Addr
	return "in this process, pushes as Cloud does", nil
}

// provisionPubsub makes the topics and the subscriptions of the events service.
func (s *Stack) provisionPubsub(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	all := subscriptions(s.Service("events").URL)
	if s.pubsub == nil {
		base, err := s.serveGateway(all)
		if err != nil {
			return err
		}
		for i, sub := range all {
			all[i].Endpoint = base + "/" + sub.Name
		}
	}
	return pubsub.Layout{Project: project, Topics: []string{factsTopic, deadTopic}, Subscriptions: all}.Apply(ctx, s.vars.pubsubHost)
}

// serveGateway runs the signing gateway until the stack ends.
func (s *Stack) serveGateway(all []pubsub.Subscription) (base string, err error) {
	handler, err := pubsub.Gateway(s.signer, append([]pubsub.Subscription(nil), all...), s.state.logger("pubsub", s))
	if err != nil {
		return "", err
	}
	port, err := s.state.port("push gateway")
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return "", fmt.Errorf("serve the push gateway: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	s.background.Go(func() { // ends with server.Close
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.screen.say("the push gateway ended: %v", err)
		}
	})
	s.closers = append(s.closers, server.Close)
	return "http://" + l.Addr().String(), nil
}

// logger writes as the services do: all to a file, warnings to the terminal.
func (s *state) logger(name string, stack *Stack) *slog.Logger {
	file, err := s.logFile(name)
	if err != nil {
		stack.screen.say("%v", err)
		return slog.New(slog.DiscardHandler)
	}
	stack.closers = append(stack.closers, file.Close)
	out := &lineWriter{service: name, file: file, screen: stack.logs, all: stack.opts.AllLogs, raw: stack.opts.RawLogs}
	return telemetry.Logger(out, name, true)
}
