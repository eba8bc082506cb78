package stack

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// When sweeps are started. Production has its own schedule; here a developer should see
// one soon.
const (
	firstSweep = 2 * time.Second
	sweepEvery = time.Minute
)

// sweepAudience is what the scheduler's token says, and sweepTime how long one sweep may
// take.
const (
	sweepAudience = "https://sweep.vegascore.local"
	sweepTime     = 30 * time.Second
)

// newSweep prepares the service that has the operators' console. It comes after the
// others, whose addresses it gets.
func (s *Stack) newSweep(v variables) error {
	file := s.state.path("keys", "console-token")
	token, err := secret(file)
	if err != nil {
		return err
	}
	var others []string
	for _, service := range s.services {
		others = append(others, service.InternalURL)
	}
	sweep := deployable{"sweep", 1, func(v variables) []map[string]string {
		return []map[string]string{v.database(), v.redis(), v.facts(), v.push(), v.calls(), {
			"PUSH_AUDIENCE": sweepAudience, "SERVICES": strings.Join(others, ","), "SERVICES_IDENTITY": "none",
			"SWEEP_TIMEOUT": sweepTime.String(), "CONSOLE_TOKEN": token,
		}}
	}}
	if err := s.newService(sweep.name, sweep, v); err != nil {
		return err
	}
	made := s.Service(sweep.name)
	made.args = []string{"serve"}
	s.Console = made.InternalURL + "/console/#" + token
	return nil
}

// schedule starts sweeps as Cloud Scheduler does, until Stop.
func (s *Stack) schedule() {
	for wait := firstSweep; ; wait = sweepEvery {
		select {
		case <-s.stopping:
			return
		case <-time.After(wait):
		}
		err := s.Sweep()
		select {
		case <-s.stopping:
			return // it was cut short
		default:
			if err != nil {
				s.screen.say("%v; the console has the rest", err)
			}
		}
	}
}

// Sweep starts a sweep as Cloud Scheduler does and waits for its end. Only a stack with
// Options.Console has one. The error says that it was not made, or what it found.
func (s *Stack) Sweep() error {
	ctx, cancel := context.WithTimeout(s.ctx, sweepTime+5*time.Second)
	defer cancel()
	token, err := s.signer.Token(sweepAudience)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Service("sweep").URL+"/sweep", nil)
	if err != nil {
		return fmt.Errorf("start a sweep: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := (&http.Client{Transport: s.transport}).Do(r)
	if err != nil {
		return fmt.Errorf("start a sweep: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the sweep answered %d", answer.StatusCode)
	}
	return nil
}
