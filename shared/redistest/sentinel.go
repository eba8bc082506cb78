package redistest

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/shared/localredis"
)

const (
	sentinels = 3
	guarded   = "casino" // the name of the master
)

// Guarded is a Redis with a replica, which three Sentinels of one test's own watch. Its
// methods fail the test on an error and are for one goroutine at a time.
type Guarded struct {
	// URL names the Sentinels; see package redisconn.
	URL string

	t         testing.TB
	data      []*Instance
	sentinels []*Instance
}

// Sentinel starts a master, a replica and three Sentinels for t alone, and ends them
// with t. It takes some seconds. The Sentinels replace a master that is silent for a
// second.
func Sentinel(t testing.TB) *Guarded {
	t.Helper()
	settings := map[string]string{"repl-diskless-sync-delay": "0"}
	g := &Guarded{t: t, data: []*Instance{Server(t, settings), Server(t, settings)}}
	master, replica := g.data[0], g.data[1]
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replica.do("REPLICAOF", host, port); err != nil {
		t.Fatal(err)
	}
	g.AwaitReplica()
	var addresses []string
	for range sentinels {
		s := launch(t, localredis.Options{Dir: t.TempDir(), Sentinel: []string{
			fmt.Sprintf("sentinel monitor %s %s %s 2", guarded, host, port),
			"sentinel down-after-milliseconds " + guarded + " 1000",
			"sentinel failover-timeout " + guarded + " 5000",
		}})
		g.sentinels = append(g.sentinels, s)
		addresses = append(addresses, s.Addr)
	}
	g.URL = "redis-sentinel://" + strings.Join(addresses, ",") + "/" + guarded
	await(t, "the Sentinels know each other and the replica", func() bool {
		for _, s := range g.sentinels {
			quorum, err := s.do("SENTINEL", "CKQUORUM", guarded)
			if err != nil || !strings.HasPrefix(quorum, fmt.Sprintf("OK %d usable", sentinels)) {
				return false
			}
			if replicas, err := s.do("SENTINEL", "REPLICAS", guarded); err != nil || !strings.Contains(replicas, replica.Addr) {
				return false
			}
		}
		return true
	})
	return g
}

// AwaitReplica waits until one of the two follows the other, and has what it has.
func (g *Guarded) AwaitReplica() {
	g.t.Helper()
	await(g.t, "a replica follows the master", func() bool {
		for _, i := range g.data {
			role, err := i.do("ROLE")
			if err == nil && strings.HasPrefix(role, "[slave") && strings.Contains(role, " connected ") {
				return true
			}
		}
		return false
	})
}

// Master is the running one of the two that the Sentinels agree on; it waits until they
// do.
func (g *Guarded) Master() (master *Instance) {
	g.t.Helper()
	await(g.t, "the Sentinels agree on a running master", func() bool {
		for _, i := range g.data {
			host, port, _ := net.SplitHostPort(i.Addr)
			agree := 0
			for _, s := range g.sentinels {
				if at, err := s.do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", guarded); err == nil && at == "["+host+" "+port+"]" {
					agree++
				}
			}
			if !i.down && agree == len(g.sentinels) {
				master = i
				return true
			}
		}
		return false
	})
	return master
}
