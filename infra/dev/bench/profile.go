package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// profile takes CPU profiles of servers of ours while the messages of a scenario are
// published, one file for each node. wait returns when they are written.
func (b *bench) profile(ctx context.Context, name string, urls []string) (wait func() error) {
	if b.Profiles == "" || strings.HasSuffix(name, "-socket.io") {
		return func() error { return nil }
	}
	var taking sync.WaitGroup
	errs := make([]error, len(urls))
	for i, url := range urls {
		file := filepath.Join(b.Profiles, fmt.Sprintf("%s-%d.pprof", strings.ReplaceAll(name, " ", "-"), i+1))
		taking.Go(func() {
			errs[i] = download(ctx, fmt.Sprintf("%s/debug/pprof/profile?seconds=%.0f", url, max(1, b.fanoutTime.Seconds())), file)
		})
	}
	return func() error {
		taking.Wait()
		return errors.Join(errs...)
	}
}

// profileBets takes a CPU profile and, in the next round, an execution trace of a
// service while its clients bet. The trace also tells what goroutines waited for:
// `go tool trace -pprof=sync`. wait returns when it is written.
func (b *bench) profileBets(ctx context.Context, round int, w *way) (wait func() error) {
	if b.Profiles == "" || round > 1 {
		return func() error { return nil }
	}
	kind, path := "cpu.pprof", fmt.Sprintf("/debug/pprof/profile?seconds=%.0f", max(1, b.roundTime.Seconds()))
	if round == 1 {
		kind, path = "trace", "/debug/pprof/trace?seconds=1"
	}
	file := filepath.Join(b.Profiles, "bets-"+strings.Map(func(r rune) rune {
		if r == ' ' || r == ',' || r == '/' {
			return '-'
		}
		return r
	}, w.Name)+"-"+kind)
	done := make(chan error, 1)
	go func() { done <- download(ctx, w.inside+path, file) }() // ends with the profile
	return func() error { return <-done }
}

// download writes what is at url to a file.
func download(ctx context.Context, url, file string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("take a profile: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("take a profile: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("take a profile: status %d", answer.StatusCode)
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("take a profile: %w", err)
	}
	_, err = io.Copy(out, answer.Body)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("take a profile: %w", err)
	}
	return nil
}
