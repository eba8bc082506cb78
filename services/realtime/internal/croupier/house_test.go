package croupier

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// call is a request to advance a table.
type call struct {
	table, container string
	fence            int64
	stale            bool
}

// house is the actions service as far as a croupier sees it: the list of tables and the
// clocks of shared ones, with the highest fence number of each.
type house struct {
	*httptest.Server

	mu     sync.Mutex
	tables string // JSON
	etag   string
	listed int // times that the list was sent
	asked  int // for the list
	next   int64
	rounds map[string]*round // by table
	calls  []call            // as they were decided
	status int               // that every advance is answered with, when not 0
	// Advances of a container wait for the end of held, whether it waits for them or not.
	held    chan struct{}
	whose   string // "": of all
	waiting int
}

// round is a table's last one. Each call brings it one state further, unless still.
type round struct {
	fence, seq int64
	state      string
	still      bool
}

const someTables = `{"tables":[{"id":"roulette-1","game":"roulette","shared":true},{"id":"crash-1","game":"crash","shared":true},{"id":"dice-1","game":"dice","shared":false}]}`

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{tables: someTables, etag: `"1"`, next: 50, rounds: map[string]*round{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/tables", h.list)
	mux.HandleFunc("POST /v1/tables/{id}/advance", h.advance)
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h
}

func (h *house) list(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	w.Header().Set("ETag", h.etag)
	if r.Header.Get("If-None-Match") == h.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.listed++
	_, _ = w.Write([]byte(h.tables)) // the caller has gone
}

func (h *house) advance(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, members string) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"type":"about:blank","status":%d,%s}`, status, members)
	}
	var body struct {
		Fence int64 `json:"fence"`
	}
	container, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !ok || body.Fence < 1 {
		refuse(http.StatusUnauthorized, `"code":"token_missing"`)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if held := h.held; held != nil && (h.whose == "" || h.whose == container) {
		h.waiting++
		h.mu.Unlock()
		<-held
		h.mu.Lock()
	}
	id := r.PathValue("id")
	if !strings.Contains(h.tables, `"`+id+`"`) {
		refuse(http.StatusNotFound, `"code":"not_found"`)
		return
	}
	if h.status != 0 {
		refuse(h.status, `"code":"unavailable"`)
		return
	}
	a := h.rounds[id]
	if a == nil {
		a = &round{state: settled}
		h.rounds[id] = a
	}
	c := call{table: id, container: container, fence: body.Fence, stale: body.Fence < a.fence}
	h.calls = append(h.calls, c)
	if c.stale {
		refuse(http.StatusConflict, fmt.Sprintf(`"code":"stale_fence","fence":%d`, a.fence))
		return
	}
	a.fence = body.Fence
	switch {
	case a.still:
	case a.state == settled:
		a.seq, a.state = a.seq+1, "open"
	case a.state == "open":
		a.state = "locked"
	default:
		a.state = settled
	}
	_, _ = fmt.Fprintf(w, `{"table":%q,"round":"round-%d","seq":%d,"state":%q,"next_ms":%d}`, id, a.seq, a.seq, a.state, h.next)
}

// with changes the house.
func (h *house) with(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// since are the calls for a table after the first n of all.
func (h *house) since(n int, table string) []call {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []call
	for _, c := range h.calls[n:] {
		if c.table == table {
			all = append(all, c)
		}
	}
	return all
}

func (h *house) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls)
}

func (h *house) round(table string) round {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.rounds[table]; r != nil {
		return *r
	}
	return round{}
}

// led waits until a container other than those in not has advanced the table from now on,
// and returns it.
func (h *house) led(t testing.TB, table string, not ...string) (container string) {
	t.Helper()
	began := h.count()
	eventually(t, "somebody advances "+table, func() (bool, any) {
		calls := h.since(began, table)
		for _, c := range calls {
			if !c.stale && !slices.Contains(not, c.container) {
				container = c.container
				return true, nil
			}
		}
		return false, calls
	})
	return container
}

// sound checks what must be true of all calls: a fence number is one container's alone, and
// none is taken after a higher one.
func (h *house) sound(t testing.TB) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	owners, highest := map[string]string{}, map[string]int64{}
	for n, c := range h.calls {
		key := fmt.Sprint(c.table, " ", c.fence)
		if owner := owners[key]; owner != "" && owner != c.container {
			t.Errorf("call %d: fence %s is that of %s and of %s", n, key, owner, c.container)
		}
		owners[key] = c.container
		if !c.stale && c.fence < highest[c.table] {
			t.Errorf("call %d: %+v was taken after fence %d", n, c, highest[c.table])
		}
		highest[c.table] = max(highest[c.table], c.fence)
	}
}

// patience bounds what should happen at once, on a busy machine.
const patience = 30 * time.Second

// eventually polls until check says true, and fails with what it said last.
func eventually(t testing.TB, what string, check func() (bool, any)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, got := check()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s; last: %+v", what, patience, got)
		}
		<-tick.C
	}
}
