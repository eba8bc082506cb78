package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/leaderboard"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func start(t *testing.T, database string) (*sender, *process) {
	t.Helper()
	s := newSender(t)
	p := launch(t, append(s.env, "DATABASE_URL="+database)...)
	return s, p
}

// standings are the day's board as rounds and net by name.
func standings(t *testing.T, pool *pgxpool.Pool) map[string][2]int64 {
	t.Helper()
	entries, err := leaderboard.Top(t.Context(), pool, leaderboard.Board{Period: leaderboard.Daily, By: leaderboard.Net, At: noon, Asset: money.Play}, leaderboard.MaxLimit)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]int64{}
	for _, e := range entries {
		got[e.Player.Name] = [2]int64{e.Rounds, int64(e.Net)}
	}
	return got
}

// Each fact comes ten times, from eight senders at once, in a random order.
func TestDuplicatesInAnyOrderHaveOneEffect(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s, p := start(t, db.URL)
	want := map[string][2]int64{}
	var deliveries [][]byte
	for i := range 20 {
		player, name := uuid.New(), fmt.Sprintf("player %02d", i)
		for round := range 3 {
			fact := settled(t, player, name, 100, money.Amount(50*round), noon.Add(time.Duration(round)*time.Minute))
			deliveries = append(deliveries, slices.Repeat([][]byte{fact}, 10)...)
		}
		want[name] = [2]int64{3, -150}
	}
	rand.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
	token, queue := s.token(nil), make(chan []byte)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for body := range queue {
				if status, code := s.post(p.url+"/push/leaderboard", token, body); status != http.StatusNoContent {
					t.Errorf("delivery = %d %s; want 204", status, code)
				}
			}
		})
	}
	began := time.Now()
	for _, body := range deliveries {
		queue <- body
	}
	close(queue)
	wg.Wait()
	t.Logf("%d deliveries in %s", len(deliveries), time.Since(began).Round(time.Millisecond))
	if diff := cmp.Diff(want, standings(t, db.Pool(t))); diff != "" {
		t.Errorf("board (-want +got):\n%s", diff)
	}
	_, metrics := get(t, p.internal+"/metrics")
	for _, line := range []string{`event_deliveries_total{function="leaderboard",outcome="applied"} 60`, `event_deliveries_total{function="leaderboard",outcome="duplicate"} 540`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
}

func TestAPushWithoutTheRightTokenHasNoEffect(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s, p := start(t, db.URL)
	forged := newSender(t) // another key under the same id
	body := settled(t, uuid.New(), "Ada", 100, 200, noon)
	none := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": issuer, "aud": audience, "email": email, "email_verified": true, "exp": time.Now().Add(time.Hour).Unix()})
	unsigned, err := none.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		token  string
		status int
		code   string
	}{
		"none":             {"", 401, "token_missing"},
		"garbage":          {"x.y.z", 401, "token_invalid"},
		"unsigned":         {unsigned, 401, "token_invalid"},
		"another key":      {forged.token(nil), 401, "token_invalid"},
		"expired":          {s.token(jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()}), 401, "token_expired"},
		"other audience":   {s.token(jwt.MapClaims{"aud": "https://elsewhere.test"}), 401, "token_invalid"},
		"other issuer":     {s.token(jwt.MapClaims{"iss": "https://elsewhere.test"}), 401, "token_invalid"},
		"other account":    {s.token(jwt.MapClaims{"email": "someone@test"}), 403, "forbidden"},
		"unverified email": {s.token(jwt.MapClaims{"email_verified": false}), 403, "forbidden"},
	} {
		if status, code := s.post(p.url+"/push/leaderboard", test.token, body); status != test.status || code != test.code {
			t.Errorf("token %s: answer = %d %s; want %d %s", name, status, code, test.status, test.code)
		}
	}
	if got := standings(t, db.Pool(t)); len(got) != 0 {
		t.Errorf("board after refused deliveries = %v; want empty", got)
	}
	if status, code := s.post(p.url+"/push/leaderboard", s.token(nil), body); status != http.StatusNoContent {
		t.Errorf("the same delivery with its token = %d %s; want 204", status, code)
	}
}

func TestPoisonIsRefusedAndTheOthersFlow(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s, p := start(t, db.URL)
	token := s.token(nil)
	for name, test := range map[string]struct {
		body   []byte
		status int
		code   string
	}{
		"no JSON":        {[]byte("{"), 400, "bad_json"},
		"no event":       {[]byte(`{"message":{"data":"e30="}}`), 400, "missing_field"},
		"not a round":    {envelope(t, event.TypeRoundSettled, []byte(`{"round":7}`)), 400, "bad_json"},
		"an empty round": {envelope(t, event.TypeRoundSettled, []byte(`{}`)), 422, "params_invalid"},
		"a negative win": {settled(t, uuid.New(), "Eve", 100, -1, noon), 422, "params_invalid"},
	} {
		for range 2 { // it comes again
			if status, code := s.post(p.url+"/push/leaderboard", token, test.body); status != test.status || code != test.code {
				t.Errorf("%s: answer = %d %s; want %d %s", name, status, code, test.status, test.code)
			}
		}
		if status, code := s.post(p.url+"/push/leaderboard", token, settled(t, uuid.New(), name, 100, 0, noon)); status != http.StatusNoContent {
			t.Errorf("a good delivery after %s = %d %s; want 204", name, status, code)
		}
	}
	if status, _ := s.post(p.url+"/push/leaderboard", token, envelope(t, "vegascore.table.opened.v1", []byte(`{}`))); status != http.StatusNoContent {
		t.Errorf("an unknown type = %d; want 204", status)
	}
	if got := slices.Collect(maps.Keys(standings(t, db.Pool(t)))); len(got) != 5 || slices.Contains(got, "Eve") {
		t.Errorf("on the board: %v; want the five good ones", got)
	}
	_, metrics := get(t, p.internal+"/metrics")
	for _, line := range []string{`outcome="poison"} 10`, `outcome="ignored"} 1`, `outcome="applied"} 5`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	if record := p.find("event cannot be handled"); record == nil || record["severity"] != "WARNING" {
		t.Errorf("log of a poison event = %v; want a warning", record)
	}
}

// Clients that hang or give up, in a burst, must not keep later deliveries from
// being answered.
func TestHangingClientsDoNotWedgeTheService(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s, p := start(t, db.URL)
	token, addr := s.token(nil), strings.TrimPrefix(p.url, "http://")
	head := "POST /push/leaderboard HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer " + token + "\r\n"
	fact := settled(t, uuid.New(), "Ada", 100, 200, noon)
	for i := range 60 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		switch i % 3 {
		case 0: // half a head
			_, err = fmt.Fprint(conn, head[:40])
		case 1: // a body that never comes
			_, err = fmt.Fprint(conn, head+"Content-Length: 100\r\n\r\n{")
		case 2: // gone before the answer
			_, err = fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s", head, len(fact), fact)
			conn.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		body := settled(t, uuid.New(), fmt.Sprintf("after %02d", i), 100, 0, noon)
		if status, code := s.post(p.url+"/push/leaderboard", token, body); status != http.StatusNoContent {
			t.Fatalf("delivery %d after the burst = %d %s; want 204", i, status, code)
		}
	}
	pool := db.Pool(t)
	eventually(t, "the fact of the senders that left counts once", func() bool { return standings(t, pool)["Ada"] == [2]int64{1, 100} })
}
