package redisconn

import (
	"testing"

	"github.com/vegascore/vegascore/shared/redistest"
)

func TestDetailsCountTheConnections(t *testing.T) {
	t.Parallel()
	client, err := Open(redistest.New(t) + "?pool_size=3")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	want := func(what string, open, inUse, idle uint32) {
		t.Helper()
		d := Details(client)
		if d["poolSize"] != 3 || d["open"] != open || d["inUse"] != inUse || d["idle"] != idle {
			t.Errorf("%s: %v; want %d open, %d in use, %d idle of 3", what, d, open, inUse, idle)
		}
	}
	want("before the first command", 0, 0, 0)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	want("after it", 1, 0, 1)
}
