package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/vegascore/vegascore/infra/dev/load/latency"
	"github.com/vegascore/vegascore/shared/child"
)

// networkDelay stands for the way to a database in the cloud, for each write of the
// service.
const networkDelay = time.Millisecond

// Pool is how bets fare with one size of the pool, over a line with networkDelay.
type Pool struct {
	Size      int           `json:"size"`
	Chosen    bool          `json:"chosen"` // by the service itself, for 512 MB
	Clients   int           `json:"clients"`
	PerSecond float64       `json:"bets_per_second"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	// Refused is how many attempts got 503 busy; their players tried again.
	Refused    int64         `json:"refused"`
	RefusedP99 time.Duration `json:"refused_p99_ns"`
	WrongMoney int64         `json:"wrong_money"` // must be 0, as in Bets
}

// pools measures a pool of one connection, as connection_limit=1 gives, and the size
// that the service chooses, in turn.
func (b *bench) pools(ctx context.Context, env *environment) ([]Pool, error) {
	way, address, err := newLine(ctx, env.poolURL, networkDelay)
	if err != nil {
		return nil, err
	}
	defer way.close()
	sides := []*poolSide{{limit: "1"}, {limit: ""}}
	for _, s := range sides {
		if err := s.start(ctx, b, env, address); err != nil {
			return nil, fmt.Errorf("pool: %w", err)
		}
		defer s.end()
	}
	for round := range b.rounds + 1 { // the first one warms up
		for _, s := range sides {
			if err := s.press(ctx, b.roundTime/2, round > 0); err != nil {
				return nil, fmt.Errorf("pool: %w", err)
			}
		}
	}
	var all []Pool
	for _, s := range sides {
		p := Pool{
			Size: s.size, Chosen: s.limit == "", Clients: len(s.clients.all), PerSecond: median(s.rates),
			P50: s.taken.Quantile(0.5), P99: s.taken.Quantile(0.99), Refused: s.refused, RefusedP99: s.refusals.Quantile(0.99),
			WrongMoney: int64(s.clients.wrong()),
		}
		b.say("pool of %d: %.0f bets/s", p.Size, p.PerSecond)
		all = append(all, p)
	}
	return all, nil
}

// poolSide is a service with one size of the pool, and its clients.
type poolSide struct {
	limit   string // MAX_DB_CONNECTIONS
	service *process
	clients *clients
	size    int

	rates           []float64
	taken, refusals latency.Histogram
	refused         int64
}

func (s *poolSide) start(ctx context.Context, b *bench, env *environment, address string) error {
	port, err := child.Port()
	if err != nil {
		return err
	}
	variables := env.variables("actions", strconv.Itoa(port))
	variables["DATABASE_URL"], variables["MAX_DB_CONNECTIONS"] = address, s.limit
	variables["MEMORY_MB"], variables["DB_REVISIONS"], variables["BET_BATCH"] = "512", "1", "1"
	if s.service, err = launch(variables, b.binary("actions")); err != nil {
		return err
	}
	base := "http://127.0.0.1:" + strconv.Itoa(port)
	if err := s.service.ready(ctx, base); err != nil {
		s.service.end()
		return err
	}
	if s.size, err = poolSize(ctx, base); err == nil {
		s.clients, err = newClients(ctx, "pool"+s.limit, base, b.poolClients, 1)
	}
	if err != nil {
		s.service.end()
		return err
	}
	return nil
}

func (s *poolSide) end() {
	s.clients.close()
	s.service.end()
}

// press bets for d, and again after a refusal.
func (s *poolSide) press(ctx context.Context, d time.Duration, counts bool) error {
	s.clients.answers, s.clients.refusals = &latency.Histogram{}, &latency.Histogram{}
	if counts {
		s.clients.answers, s.clients.refusals = &s.taken, &s.refusals
	}
	before := s.clients.refused.Load()
	rate, err := s.clients.run(ctx, d)
	if counts {
		s.rates = append(s.rates, rate)
		s.refused += s.clients.refused.Load() - before
	}
	return err
}

// poolSize asks the service how large its pool is.
func poolSize(ctx context.Context, base string) (int, error) {
	var document struct {
		Components map[string]struct{ Details map[string]any }
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/health", nil)
	if err != nil {
		return 0, err
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("ask for the pool's size: %w", err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&document); err != nil {
		return 0, fmt.Errorf("ask for the pool's size: %w", err)
	}
	size, ok := document.Components["database"].Details["poolSize"].(float64)
	if !ok {
		return 0, errors.New("ask for the pool's size: the health document has none")
	}
	return int(size), nil
}

// quantile of times that were taken one by one.
func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
