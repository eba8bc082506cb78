// Command fanout is a small Socket.IO server for benchmarks: clients join rooms
// and publish to them. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/vegascore/vegascore/services/realtime/cluster"
	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/redisconn"
)

const (
	spread    = 500 * time.Millisecond // over which a drain closes the clients
	drainTime = 8 * time.Second        // at most
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fanout:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then drains.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("fanout", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:0", "where to listen")
	redisURL := flags.String("redis", "", "Redis through which several servers share their rooms")
	recovery := flags.Duration("recovery", 0, "how long clients may be away and still go on; 0: no recovery")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	opts := socketio.Options{Logger: logger, Recovery: *recovery}
	if *redisURL != "" {
		adapter, leave, err := connect(*redisURL, logger)
		if err != nil {
			return err
		}
		defer leave()
		opts.Adapter = adapter
	}
	rooms := socketio.New(opts)
	serve(rooms.Of("/"))
	return errors.Join(listen(ctx, *addr, rooms, out), drain(rooms))
}

// serve answers the events of the benchmark.
func serve(ns *socketio.Namespace) {
	ns.OnConnect(func(s *socketio.Socket) {
		s.On("join", func(args socketio.Args, ack socketio.Ack) {
			var room string
			if args.Decode(&room) == nil {
				s.Join(room)
				ack()
			}
		})
		s.On("publish", func(args socketio.Args, ack socketio.Ack) {
			var room string
			if args.Decode(&room, nil) == nil && ns.To(room).EmitRaw("publish", args.From(1), args.Attachments()...) == nil {
				ack()
			}
		})
	})
}

// connect makes the adapter for a cluster; leave ends it, after the drain.
func connect(url string, logger *slog.Logger) (adapter *cluster.Redis, leave func(), err error) {
	publish, subscribe, err := redisconn.OpenPair(url)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	adapter = cluster.NewRedis(publish, subscribe, cluster.Options{}, logger)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { adapter.Run(ctx) })
	return adapter, func() {
		cancel()
		group.Wait()
		_ = publish.Close()
		_ = subscribe.Close()
	}, nil
}

// listen accepts clients until ctx ends.
func listen(ctx context.Context, addr string, rooms http.Handler, out io.Writer) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", rooms)
	mux.HandleFunc("/gc", func(http.ResponseWriter, *http.Request) { debug.FreeOSMemory() }) // for those who measure memory
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = web.Close() })() // Serve returns then
	fmt.Fprintf(out, "listening on %s\n", ln.Addr())
	if err := web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// drain ends the sessions.
func drain(rooms *socketio.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	return rooms.Shutdown(ctx, spread)
}
