package redisconn

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/redistest"
)

// slow counts its runs, and answers after half a second.
const slow = `
local runs = redis.call('INCR', KEYS[1])
local began = redis.call('TIME')
repeat
  local now = redis.call('TIME')
until (now[1] - began[1]) * 1000000 + now[2] - began[2] > 500000
return runs
`

func TestACommandWithoutAnAnswerIsNotRepeated(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t)
	client := open(t, nodes.URL)
	impatient := open(t, nodes.URL+"?read_timeout=150ms")
	for name, run := range map[string]func(key string) error{
		"command": func(key string) error { return impatient.Eval(t.Context(), slow, []string{key}).Err() },
		"pipeline": func(key string) error {
			_, err := impatient.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				return p.Eval(t.Context(), slow, []string{key}).Err()
			})
			return err
		},
	} {
		if err := run(name); err == nil {
			t.Errorf("%s: an answer within 150 ms", name)
		}
		await(t, "the node is free", func() error { return client.Get(t.Context(), name).Err() })
		if got, err := client.Get(t.Context(), name).Int(); got != 1 || err != nil {
			t.Errorf("%s: ran %d times, %v", name, got, err)
		}
	}
}

// await polls until met gives no error.
func await(t *testing.T, what string, met func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(30 * time.Second)
	for err := met(); err != nil; err = met() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: never: %v", what, err)
		}
		<-tick.C
	}
}

func TestCommandsFindTheirSlot(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t)
	client := open(t, nodes.URL)
	keys := []string{"{k}1", "{k}2", "other"}
	write := func() {
		t.Helper()
		for _, key := range keys {
			if err := client.Incr(t.Context(), key).Err(); err != nil {
				t.Errorf("write %s: %v", key, err)
			}
		}
	}
	var counts []string
	read := func() {
		t.Helper()
		cmds, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for _, key := range keys {
				p.Get(t.Context(), key)
			}
			return nil
		})
		if err != nil {
			t.Errorf("read: %v", err)
			return
		}
		counts = append(counts, "")
		for _, cmd := range cmds {
			if get, ok := cmd.(*redis.StringCmd); ok {
				counts[len(counts)-1] += get.Val()
			}
		}
	}
	write()
	// While the slot moves some keys are here and some there; then all are there.
	nodes.Move("k", func() { write(); read() }, func() { write(); read() })
	read()
	write()
	nodes.Failover("k")
	write()
	if err := client.Set(t.Context(), keys[0], "a", 0).Err(); err != nil {
		t.Error(err)
	}
	if _, err := client.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.Append(t.Context(), keys[0], "b")
		return p.Append(t.Context(), keys[0], "c").Err()
	}); err != nil {
		t.Error(err)
	}
	read()
	if diff := cmp.Diff([]string{"222", "333", "333", "abc55"}, counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// serves waits until a key can be written, and logs how long that took.
func serves(t *testing.T, client redis.UniversalClient, what string) {
	t.Helper()
	began := time.Now()
	await(t, what, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		return client.Set(ctx, "k", fmt.Sprint(began), 0).Err()
	})
	t.Logf("%s: after %s", what, time.Since(began))
}

func TestAClusterServesAfterAFailover(t *testing.T) {
	t.Parallel()
	nodes := redistest.Cluster(t)
	publish, subscribe, err := OpenPair(nodes.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = publish.Close(), subscribe.Close() }()
	for _, lose := range []struct {
		what string
		run  func(*redistest.Instance)
	}{{"killed", (*redistest.Instance).Kill}, {"frozen", (*redistest.Instance).Stop}} {
		serves(t, publish, "before")
		lose.run(nodes.Owner("k"))
		serves(t, publish, "one client, master "+lose.what)
		serves(t, subscribe, "the other")
		nodes.Revive()
	}
}

func TestARedisBehindSentinelsServesAfterAFailover(t *testing.T) {
	t.Parallel()
	guarded := redistest.Sentinel(t)
	client := open(t, guarded.URL)
	serves(t, client, "before")
	if got, err := client.Get(t.Context(), "k").Result(); err != nil || got == "" {
		t.Error(got, err)
	}
	guarded.AwaitReplica()
	guarded.Master().Kill()
	serves(t, client, "after the failover")
}
