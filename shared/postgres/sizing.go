package postgres

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrOverBudget says that the containers together could open more connections
// than the database has for them.
var ErrOverBudget = errors.New("connection budget exceeded")

const (
	// memoryPerConn is the seed document's divisor: 10 MB of the container's
	// memory for a connection.
	memoryPerConn = 10
	connsPerCore  = 4   // per thread, where a thread count is set
	hardLimit     = 100 // connections, whatever the memory
	smallest      = 2   // below it one slow transaction stops the container
	reserved      = 10  // connections kept for jobs, people and the server itself
	// assumedMax is PostgreSQL's own default of max_connections, used until the
	// server was asked.
	assumedMax = 100
	// headroom is by how much the connections may exceed what keeps the server's
	// cores busy, for the spread of the hold times.
	headroom = 1.5
)

// Sizing is the pool's size and where it comes from.
type Sizing struct {
	Size      int    `json:"size"`
	Bound     int    `json:"bound"`     // by the container: the seed document's formula
	Share     int    `json:"share"`     // of one container in what the database can use
	Budget    int    `json:"budget"`    // connections for the whole fleet
	Useful    int    `json:"useful"`    // connections that keep the database busy
	Instances int    `json:"instances"` // containers at the worst moment of a rollout
	Reason    string `json:"reason"`
}

// Bound is the seed document's formula, the most that one container may open:
// the least of memory / 10 MB, threads x 4, maxConns and 100. Zero arguments
// bound nothing. 256 MB give 25, 512 MB 51, 1 GB 100. The text names the term
// that decided.
func Bound(memoryMB, threads, maxConns int) (int, string) {
	bound, by := hardLimit, fmt.Sprintf("limit %d", hardLimit)
	lower := func(n int, why string) {
		if n < bound {
			bound, by = max(n, 1), why
		}
	}
	if memoryMB > 0 {
		lower(memoryMB/memoryPerConn, fmt.Sprintf("memory %d MB", memoryMB))
	}
	if threads > 0 {
		lower(threads*connsPerCore, fmt.Sprintf("%d threads", threads))
	}
	if maxConns > 0 {
		lower(maxConns, fmt.Sprintf("MAX_DB_CONNECTIONS %d", maxConns))
	}
	return bound, by
}

// Useful is how many connections keep the cores of the database busy when a
// transaction holds its connection for hold and computes for cpu of it. More of
// them only queue inside the server.
func Useful(cores int, hold, cpu time.Duration) int {
	if cores <= 0 || cpu <= 0 {
		return hardLimit
	}
	n := headroom * float64(cores) * float64(hold) / float64(cpu)
	return max(int(n+0.999999), 1)
}

// size decides the pool's size, or refuses it with ErrOverBudget.
func size(c Config, memoryMB int, memorySource string) (Sizing, error) {
	s := Sizing{Budget: c.Budget, Instances: c.MaxInstances * c.Revisions}
	if s.Budget == 0 {
		s.Budget = assumedMax - reserved
	}
	bound, by := Bound(memoryMB, c.Threads, c.MaxConns)
	if strings.HasPrefix(by, "memory") {
		by += " (" + memorySource + ")"
	}
	s.Bound = bound
	s.Useful = Useful(c.Cores, c.Hold, c.CPU)
	s.Share = max(min(s.Budget, s.Useful)/s.Instances, smallest)
	shared := fmt.Sprintf("budget %d", s.Budget)
	if s.Useful < s.Budget {
		shared = fmt.Sprintf("%d connections are useful to %d cores", s.Useful, c.Cores)
	}
	why := fmt.Sprintf("%s over %d instances x %d revisions", shared, c.MaxInstances, c.Revisions)
	s.Size = s.Share
	if c.Concurrency > 0 && c.Concurrency < s.Size {
		s.Size, why = c.Concurrency, fmt.Sprintf("concurrency %d", c.Concurrency)
	}
	if s.Bound < s.Size {
		s.Size, why = s.Bound, by
	}
	s.Reason = fmt.Sprintf("%d by %s; container bound %d by %s", s.Size, why, s.Bound, by)
	return s, s.within(s.Budget)
}

// within checks the worst moment of a rollout against a budget.
func (s Sizing) within(budget int) error {
	if total := s.Size * s.Instances; total > budget {
		return fmt.Errorf("%w: %d containers x %d connections = %d, the budget is %d: lower MAX_INSTANCES or MAX_DB_CONNECTIONS, or raise DB_BUDGET",
			ErrOverBudget, s.Instances, s.Size, total, budget)
	}
	return nil
}
