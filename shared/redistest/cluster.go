package redistest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/shared/child"
)

const (
	masters = 3
	slots   = 16384
	// nodeTimeout is how long a node may be silent before the others replace it.
	nodeTimeout = 1500 * time.Millisecond
)

// Nodes is a Redis Cluster of one test's own: three masters, and a replica of each. Its
// methods fail the test on an error and are for one goroutine at a time.
type Nodes struct {
	// URL names all nodes; see package redisconn.
	URL string

	t   testing.TB
	all []*Instance
}

// Cluster starts a Redis Cluster for t alone, and ends it with t. It takes 2 seconds or
// so.
func Cluster(t testing.TB) *Nodes {
	t.Helper()
	n := &Nodes{t: t}
	var addresses []string
	ports := map[*Instance]int{} // of the nodes' own bus
	for range 2 * masters {
		port, err := child.Port()
		if err != nil {
			t.Fatal(err)
		}
		i := Server(t, map[string]string{
			"cluster-enabled": "yes", "cluster-port": strconv.Itoa(port), "databases": "1",
			"cluster-node-timeout": strconv.FormatInt(nodeTimeout.Milliseconds(), 10), "cluster-replica-validity-factor": "0",
			"repl-diskless-sync-delay": "0",
		})
		ports[i] = port
		n.all = append(n.all, i)
		addresses = append(addresses, i.Addr)
	}
	n.URL = "redis-cluster://" + strings.Join(addresses, ",")
	n.form(ports)
	return n
}

// form makes the nodes a cluster.
func (n *Nodes) form(ports map[*Instance]int) {
	n.t.Helper()
	for k, i := range n.all {
		n.do(i, "CLUSTER", "SET-CONFIG-EPOCH", k+1)
		if k < masters {
			n.do(i, "CLUSTER", "ADDSLOTSRANGE", k*slots/masters, (k+1)*slots/masters-1)
		}
		if k > 0 {
			host, port, _ := strings.Cut(i.Addr, ":")
			n.do(n.all[0], "CLUSTER", "MEET", host, port, ports[i])
		}
	}
	n.await("all nodes know each other", func() bool {
		for _, i := range n.all {
			if lines := strings.Split(strings.TrimSpace(n.do(i, "CLUSTER", "NODES")), "\n"); len(lines) != len(n.all) {
				return false
			}
		}
		return true
	})
	for k, i := range n.all[masters:] {
		id := n.do(n.all[k], "CLUSTER", "MYID")
		n.await("a node knows its master", func() bool {
			return strings.HasPrefix(n.try(i, "CLUSTER", "REPLICATE", id), "OK")
		})
	}
	n.AwaitWhole()
}

// AwaitWhole waits until each running node says that the cluster is whole, and each
// running replica follows its master.
func (n *Nodes) AwaitWhole() {
	n.t.Helper()
	n.await("a whole cluster", func() bool {
		for _, i := range n.all {
			if i.down {
				continue
			}
			replication := n.try(i, "INFO", "replication")
			if !strings.Contains(n.try(i, "CLUSTER", "INFO"), "cluster_state:ok") ||
				strings.Contains(replication, "role:slave") && !strings.Contains(replication, "master_link_status:up") {
				return false
			}
		}
		return true
	})
}

// await polls until met says true.
func (n *Nodes) await(what string, met func() bool) {
	n.t.Helper()
	await(n.t, what, met)
}

func await(t testing.TB, what string, met func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		<-tick.C
	}
}

// do sends a command to one node.
func (n *Nodes) do(i *Instance, args ...any) string {
	n.t.Helper()
	text, err := i.do(args...)
	if err != nil {
		n.t.Fatalf("%s to %s: %v", fmt.Sprint(args...), i.Addr, err)
	}
	return text
}

// try is do for a command that may fail: its error is its answer.
func (n *Nodes) try(i *Instance, args ...any) string {
	text, err := i.do(args...)
	if err != nil {
		return err.Error()
	}
	return text
}

// do sends a command over a connection of its own.
func (i *Instance) do(args ...any) (string, error) {
	ctx, client, done := i.client()
	defer done()
	reply, err := client.Do(ctx, args...).Result()
	return fmt.Sprint(reply), err
}

// client is a connection for one command; done ends it.
func (i *Instance) client() (ctx context.Context, client *redis.Client, done func()) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	client = redis.NewClient(&redis.Options{
		Addr: i.Addr, Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
	})
	return ctx, client, func() {
		_ = client.Close()
		cancel()
	}
}
