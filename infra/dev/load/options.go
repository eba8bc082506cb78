package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// Bounds of a run: a slip of the finger must not become an attack.
const (
	mostPlayers = 5000
	mostTables  = 8                // as many as the house has
	mostTime    = 45 * time.Minute // tokens live an hour
)

// Options of a run. Validate fills in the zero values.
type Options struct {
	// URL is the front door's; http://localhost:8080 when empty.
	URL string
	// Players each have one socket and one bet under way at most; 50 when 0.
	Players int
	// Tables is over how many dice tables the players are spread; 1 when 0.
	Tables int
	// Time is how long bets are made; 20 s when 0.
	Time time.Duration
	// Rate is bets per second of each player; 0 bets as fast as answers come.
	Rate float64
	// MaxBets ends the betting early; 1,000,000 when 0.
	MaxBets int64
	// Stake is in minor units; 100 when 0.
	Stake int64
	// Grace is how long events may come after the last answer; 5 s when 0.
	Grace time.Duration
	// AllowRemote lets the run leave this machine.
	AllowRemote bool
	// Metrics are the /metrics addresses of the realtime containers, for their CPU
	// time; none: it is reported as unknown.
	Metrics []string
	// Out gets the live table; discarded when nil.
	Out io.Writer
}

// Validate returns the options with defaults, or what is wrong with them.
func (o Options) Validate() (Options, error) {
	if o.URL == "" {
		o.URL = "http://localhost:8080"
	}
	o.URL = strings.TrimRight(o.URL, "/")
	if o.Players == 0 {
		o.Players = 50
	}
	if o.Tables == 0 {
		o.Tables = 1
	}
	if o.Time == 0 {
		o.Time = 20 * time.Second
	}
	if o.MaxBets == 0 {
		o.MaxBets = 1_000_000
	}
	if o.Stake == 0 {
		o.Stake = 100
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return o, fmt.Errorf("the address %q is not http://host or https://host", o.URL)
	}
	switch {
	case !o.AllowRemote && !loopback(u.Hostname()):
		return o, fmt.Errorf("%s is not this machine: add -allow-remote if you may load it", u.Hostname())
	case o.Players < 1 || o.Players > mostPlayers:
		return o, fmt.Errorf("%d players: want 1 to %d", o.Players, mostPlayers)
	case o.Tables < 1 || o.Tables > mostTables:
		return o, fmt.Errorf("%d tables: want 1 to %d", o.Tables, mostTables)
	case o.Time < 0 || o.Time > mostTime:
		return o, fmt.Errorf("%s of bets: want up to %s", o.Time, mostTime)
	case !(o.Rate >= 0) || o.MaxBets < 0 || o.Stake < 0 || o.Grace < 0:
		return o, errors.New("rate, bets, stake and grace must not be negative")
	}
	return o, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
