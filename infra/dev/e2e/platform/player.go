package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"testing"
	"time"
)

// Player is a guest. Its methods may be called concurrently.
type Player struct {
	ID, Name, Token string
	Start           int64 // balance at the beginning
	base            string
	client          *http.Client
}

// Answer is one answer over HTTP.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Code is the code of a problem document, or empty.
func (a Answer) Code() string {
	var p struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(a.Body, &p) != nil {
		return ""
	}
	return p.Code
}

// Into reads the JSON body into out and fails the test if that is not possible.
func (a Answer) Into(t testing.TB, out any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, out); err != nil {
		t.Fatalf("read the answer %d %s: %v", a.Status, a.Body, err)
	}
}

// Round is a settled round as its player gets it.
type Round struct {
	ID      string `json:"id"`
	Game    string `json:"game"`
	Table   string `json:"table"`
	State   string `json:"state"`
	Stake   int64  `json:"stake"`
	Payout  int64  `json:"payout"`
	Outcome struct {
		Roll int64 `json:"roll"` // hundredths
		Win  bool  `json:"win"`
	} `json:"outcome"`
	Nonce          uint64 `json:"nonce"`
	ClientSeed     string `json:"client_seed"`
	ServerSeedHash string `json:"server_seed_hash"`
	Rules          string `json:"rules"`
	Balance        int64  `json:"balance"`
}

// Table is where everybody here plays, Room its room.
const (
	Table = "dice-1"
	Room  = "table:" + Table
)

// client is for calls that must not wait for ever. Its connections end with the test.
func client(t testing.TB) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// Get reads a URL without a player.
func Get(t testing.TB, url string) Answer {
	t.Helper()
	answer, err := (&Player{client: client(t)}).Do(t.Context(), http.MethodGet, url, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// Guest signs a player in at base: the front door, or the actions service itself.
func Guest(t testing.TB, base, name string) *Player {
	t.Helper()
	p := &Player{base: base, client: client(t)}
	answer, err := p.Do(t.Context(), http.MethodPost, "/v1/guests", "", map[string]string{"name": name})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != http.StatusCreated {
		t.Fatalf("sign in: %d %s", answer.Status, answer.Body)
	}
	var guest struct {
		Player  struct{ ID, Name string }
		Token   string
		Balance int64
	}
	answer.Into(t, &guest)
	p.ID, p.Name, p.Token, p.Start = guest.Player.ID, guest.Player.Name, guest.Token, guest.Balance
	return p
}

// At is the same player at another address.
func (p *Player) At(base string) *Player {
	other := *p
	other.base = base
	return &other
}

// Do sends one request, once: the error is that of the transport.
func (p *Player) Do(ctx context.Context, method, path, key string, body any) (Answer, error) {
	return p.DoWith(ctx, nil, method, path, key, body)
}

// DoWith is Do with more headers.
func (p *Player) DoWith(ctx context.Context, headers http.Header, method, path, key string, body any) (Answer, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return Answer{}, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(text))
	if err != nil {
		return Answer{}, err
	}
	maps.Copy(r.Header, headers)
	if body != nil {
		r.GetBody = nil // or the transport would send it again by itself
		r.Header.Set("Content-Type", "application/json")
	}
	if p.Token != "" {
		r.Header.Set("Authorization", "Bearer "+p.Token)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := p.client.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return Answer{Status: answer.StatusCode, Header: answer.Header, Body: got}, nil
}

// Wager is the body of a bet: dice, under 50.00.
func Wager(stake int64) map[string]any {
	return map[string]any{"game": "dice", "table": Table, "stake": stake, "params": map[string]any{"direction": "under", "target": 5000}}
}

// Bet sends a bet, once.
func (p *Player) Bet(ctx context.Context, key string, stake int64) (Answer, error) {
	return p.Do(ctx, http.MethodPost, "/v1/bets", key, Wager(stake))
}

// MustBet sends a bet and fails the test unless it is settled.
func (p *Player) MustBet(t testing.TB, key string, stake int64) (Round, Answer) {
	t.Helper()
	answer, err := p.Bet(t.Context(), key, stake)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != http.StatusCreated {
		t.Fatalf("bet %s: %d %s", key, answer.Status, answer.Body)
	}
	var settled struct{ Round Round }
	answer.Into(t, &settled)
	return settled.Round, answer
}

// Balance asks for the player's balance.
func (p *Player) Balance(t testing.TB) int64 {
	t.Helper()
	answer, err := p.Do(t.Context(), http.MethodGet, "/v1/me", "", nil)
	if err != nil || answer.Status != http.StatusOK {
		t.Fatalf("me: %d %s, %v", answer.Status, answer.Body, err)
	}
	var me struct{ Balance int64 }
	answer.Into(t, &me)
	return me.Balance
}
