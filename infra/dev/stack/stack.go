package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/vegascore/vegascore/infra/dev/frontdoor"
	"github.com/vegascore/vegascore/infra/dev/pubsub"
	"github.com/vegascore/vegascore/shared/localpg"
	"github.com/vegascore/vegascore/shared/localredis"
)

// Stack is a running platform. Its methods may be called concurrently, Stop once.
type Stack struct {
	// URL is the front door's, without a path.
	URL string
	// Console is the operators' console with its token; empty without Options.Console.
	Console string

	opts   Options
	bin    string
	state  *state
	screen *console // progress
	logs   *console
	vars   variables

	postgres *localpg.Server // nil with DATABASE_URL
	password string          // of the roles in it
	redis    *localredis.Server
	mini     *miniredis.Miniredis
	pubsub   *pubsub.Server // nil with an emulator
	signer   *pubsub.Signer

	services  []*Service
	door      *frontdoor.Door
	server    *http.Server
	transport *http.Transport // of probes

	ctx        context.Context // ends when everything should
	cancel     context.CancelFunc
	background sync.WaitGroup
	closers    []func() error // last ones, in reverse
	temporary  string         // folder to remove
	stopping   chan struct{}
}

// Start brings everything up and returns once every service is ready. ctx bounds the
// start only; after an error nothing is left running.
func Start(ctx context.Context, opts Options) (*Stack, error) {
	opts, err := opts.complete()
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.Background())
	s := &Stack{
		opts: opts, screen: newConsole(opts.Progress), logs: newConsole(opts.Logs), ctx: life, cancel: cancel,
		transport: &http.Transport{MaxIdleConnsPerHost: 4}, stopping: make(chan struct{}),
	}
	if err := s.start(ctx); err != nil {
		undo, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		return nil, errors.Join(err, s.Stop(undo))
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	if s.opts.Dir == "" {
		dir, err := os.MkdirTemp("", "vegas-stack-")
		if err != nil {
			return fmt.Errorf("make a state folder: %w", err)
		}
		s.opts.Dir, s.temporary = dir, dir
	}
	dir, err := filepath.Abs(s.opts.Dir)
	if err != nil {
		return fmt.Errorf("find the state folder: %w", err)
	}
	if s.state, err = openState(ctx, dir, s.opts.Reset); err != nil {
		return err
	}
	if s.opts.Reset && s.opts.DatabaseURL+s.opts.RedisURL != "" {
		s.screen.say("RESET=1 leaves the data behind DATABASE_URL and REDIS_URL alone")
	}
	s.vars = variables{databaseURL: s.opts.DatabaseURL, directURL: s.opts.DirectURL, keys: s.state.path("keys"), adapter: s.opts.Adapter}
	s.bin = s.state.path("bin")
	if s.opts.Bin != "" {
		if s.bin, err = filepath.Abs(s.opts.Bin); err != nil {
			return fmt.Errorf("find the binaries: %w", err)
		}
	}
	door, err := s.listen()
	if err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return errors.Join(err, closeAll(door))
	}
	return s.open(ctx, door)
}

// prepare starts what the services need. The build takes longest when something
// changed, so the rest happens meanwhile.
func (s *Stack) prepare(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	parallel := func(what string, f func() (how string, err error)) {
		wg.Go(func() { // bounded by ctx; prepare waits
			if err := s.timed(what, f); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if failed == nil {
					failed = err
				}
				cancel(err)
			}
		})
	}
	parallel("PostgreSQL", func() (string, error) { return s.startPostgres(ctx) })
	if s.opts.Bin == "" {
		parallel("build", func() (string, error) {
			patience := time.AfterFunc(2*time.Second, func() { s.screen.say("building the services, up to a minute the first time") })
			defer patience.Stop()
			return s.show(s.bin), build(ctx, s.opts.Root, s.bin, s.opts.Console)
		})
	}
	// The state folder is for one goroutine: these three one after the other.
	parallel("Redis", func() (string, error) {
		how, err := s.startRedis(ctx)
		if err != nil {
			return "", err
		}
		if err := s.timed("keys", func() (string, error) { return s.show(s.vars.keys), s.makeKeys() }); err != nil {
			return "", err
		}
		return how, s.timed("Pub/Sub", s.startPubsub)
	})
	wg.Wait()
	return failed
}

// open migrates, starts the services and opens the door.
func (s *Stack) open(ctx context.Context, door []net.Listener) error {
	closeDoor := func(err error) error { return errors.Join(err, closeAll(door)) }
	if err := s.timed("migrations", func() (string, error) { return "applied", s.migrate(ctx) }); err != nil {
		return closeDoor(err)
	}
	if err := errors.Join(s.serveMetadata(), s.newServices(s.vars)); err != nil {
		return closeDoor(err)
	}
	if s.opts.Console {
		if err := s.holdTournament(ctx); err != nil {
			return closeDoor(err)
		}
		if err := s.newSweep(s.vars); err != nil {
			return closeDoor(err)
		}
	}
	if err := s.provisionPubsub(ctx); err != nil {
		return closeDoor(err)
	}
	if err := errors.Join(s.state.savePorts(), s.writeEnvFile(s.vars)); err != nil {
		return closeDoor(err)
	}
	for _, service := range s.services {
		service.want(true)
		s.background.Go(func() { service.supervise(s.ctx) }) // ends with the stack
	}
	if err := s.serve(door); err != nil {
		return closeDoor(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(s.services))
	for i, service := range s.services {
		wg.Go(func() { // bounded by Ready's time; open waits
			errs[i] = s.timed(service.Name, func() (string, error) { return "ready at " + service.URL, service.Ready(ctx) })
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.heal()
	if s.opts.Console {
		s.background.Go(s.schedule) // ends with Stop
	}
	return nil
}

// timed runs a step and reports it.
func (s *Stack) timed(what string, f func() (how string, err error)) error {
	began := time.Now()
	how, err := f()
	if err == nil {
		s.screen.step(what, how, time.Since(began))
	}
	return err
}

// show shortens a path below the repository.
func (s *Stack) show(path string) string {
	if short, err := filepath.Rel(s.opts.Root, path); err == nil && !strings.HasPrefix(short, "..") {
		return short
	}
	return path
}

// Service returns a container by name: "realtime-1", "realtime-2", "actions",
// "events", "sweep" with Options.Console. It panics on any other name.
func (s *Stack) Service(name string) *Service {
	for _, service := range s.services {
		if service.Name == name {
			return service
		}
	}
	panic("stack: no service " + name)
}

// Services returns all containers.
func (s *Stack) Services() []*Service { return s.services }

// DatabaseURL is what the services use, DirectURL what migrations use, RedisURL and
// PubsubHost where those two are.
func (s *Stack) DatabaseURL() string { return s.vars.databaseURL }

// DirectURL is the connection string of the migrations.
func (s *Stack) DirectURL() string { return s.vars.directURL }

// RedisURL is where Redis is.
func (s *Stack) RedisURL() string { return s.vars.redisURL }

// PubsubHost is host:port of the Pub/Sub API.
func (s *Stack) PubsubHost() string { return s.vars.pubsubHost }

// Postgres is the private server, nil with DATABASE_URL.
func (s *Stack) Postgres() *localpg.Server { return s.postgres }

// Redis is the private redis-server, nil with REDIS_URL and miniredis.
func (s *Stack) Redis() *localredis.Server { return s.redis }

// Pubsub is the in-process server, nil with an emulator.
func (s *Stack) Pubsub() *pubsub.Server { return s.pubsub }
