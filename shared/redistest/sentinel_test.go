package redistest

import (
	"testing"
	"time"
)

func TestSentinelsReplaceAMaster(t *testing.T) {
	t.Parallel()
	began := time.Now()
	g := Sentinel(t)
	t.Logf("Sentinels: %s", time.Since(began))
	master := g.Master()
	if _, err := master.do("SET", "k", "v"); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	master.Kill()
	next := g.Master()
	t.Logf("a failover: %s", time.Since(began))
	if next == master {
		t.Error("the killed one is master")
	}
}
