package stack

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vegascore/vegascore/infra/dev/frontdoor"
	"github.com/vegascore/vegascore/infra/dev/page"
)

// serve opens the front door for its listeners until Stop.
func (s *Stack) serve(listeners []net.Listener) error {
	opts := frontdoor.Options{
		Page: s.opts.Page, Policy: s.opts.Policy, Check: checkPage(s.bin), CheckPolicy: page.CheckPolicy, Logger: s.state.logger("frontdoor", s),
	}
	for _, service := range s.services {
		u, err := url.Parse(service.URL)
		if err != nil {
			return fmt.Errorf("open the front door: %w", err)
		}
		behind := frontdoor.Service{Name: service.Name, URL: u}
		switch {
		case strings.HasPrefix(service.Name, "realtime"):
			opts.Realtime = append(opts.Realtime, behind)
		case service.Name == "actions":
			opts.Actions = behind
		default:
			opts.Others = append(opts.Others, behind)
		}
	}
	s.door = frontdoor.New(opts)
	s.server = &http.Server{Handler: s.door, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	for _, l := range listeners {
		s.background.Go(func() { // ends with server.Close
			if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				s.screen.say("the front door closed: %v", err)
			}
		})
	}
	return nil
}

// listen takes the front door's port before anything is started: of 127.0.0.1 and,
// where there is IPv6, of ::1, because localhost can be either.
func (s *Stack) listen() ([]net.Listener, error) {
	port := s.opts.Port
	if port == 0 {
		var err error
		if port, err = s.state.port("front door"); err != nil {
			return nil, err
		}
	}
	four, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("port %d is taken by another program: choose another one, as in `make run PORT=%d` (%w)", port, port%65535+1, err)
	}
	listeners := []net.Listener{four}
	if six, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(port))); err == nil {
		listeners = append(listeners, six)
	}
	s.state.used[port] = true
	s.URL = "http://localhost:" + strconv.Itoa(port)
	return listeners, s.state.announce(fmt.Sprintf("process %d, %s", os.Getpid(), s.URL))
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
