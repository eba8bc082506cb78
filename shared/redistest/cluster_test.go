package redistest

import (
	"testing"
	"time"
)

func TestAClusterMovesSlotsAndFailsOver(t *testing.T) {
	t.Parallel()
	began := time.Now()
	n := Cluster(t)
	t.Logf("a cluster: %s", time.Since(began))
	const key = "k"
	owner := n.Owner(key)
	n.do(owner, "SET", key, "v")
	steps := 0
	began = time.Now()
	moved := n.Move(key, func() { steps++ }, func() { steps++ })
	t.Logf("a move: %s", time.Since(began))
	if moved == owner || n.Owner(key) != moved || steps != 2 || n.do(moved, "GET", key) != "v" {
		t.Errorf("the slot is at %s; was at %s, moved to %s in %d steps", n.Owner(key).Addr, owner.Addr, moved.Addr, steps)
	}
	began = time.Now()
	replica := n.Failover(key)
	t.Logf("a failover that was asked for: %s", time.Since(began))
	if replica == moved || n.do(replica, "GET", key) != "v" {
		t.Errorf("%s took over from %s", replica.Addr, moved.Addr)
	}
	n.AwaitWhole()
	began = time.Now()
	replica.Kill()
	if back := n.Owner(key); back != moved {
		t.Errorf("%s took over from %s", back.Addr, replica.Addr)
	}
	t.Logf("a failover of a killed master: %s", time.Since(began))
	replica.Start()
	n.AwaitWhole()
	if got := len(n.Masters()); got != masters {
		t.Errorf("%d masters", got)
	}
}
