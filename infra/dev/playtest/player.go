package playtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// Start of every guest, in minor units.
const StartingBalance = 100_000

// requestTime is what a caller waits for one answer.
const requestTime = 10 * time.Second

// Win says whether the round was won.
func (r Round) Win() bool { return r.Outcome.Win }

// Reply is an HTTP answer.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Code is the code of a problem document.
func (r Reply) Code() string {
	var p struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(r.Body, &p) // no problem document has no code
	return p.Code
}

// Round is the round of a reply to a bet.
type Round struct {
	ID         string `json:"id"`
	State      string `json:"state"`
	Stake      int64  `json:"stake"`
	Payout     int64  `json:"payout"`
	Nonce      uint64 `json:"nonce"`
	ClientSeed string `json:"client_seed"`
	ServerHash string `json:"server_seed_hash"`
	Rules      string `json:"rules"`
	Balance    int64  `json:"balance"`
	Outcome    struct {
		Roll int64 `json:"roll"`
		Win  bool  `json:"win"`
	} `json:"outcome"`
}

// Round reads the round of a reply to a bet.
func (r Reply) Round(t testing.TB) Round {
	t.Helper()
	var body struct{ Round Round }
	if err := json.Unmarshal(r.Body, &body); err != nil || r.Status != http.StatusCreated {
		t.Fatalf("bet: %d %s", r.Status, r.Body)
	}
	return body.Round
}

// Player is a guest. Its methods may be called concurrently.
type Player struct {
	ID, Name, Token string
	url             string
	client          *http.Client
}

// SignUp makes a guest at the front door or the actions service at url.
func SignUp(t testing.TB, url, name string) *Player {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	p := &Player{url: url, client: &http.Client{Transport: transport, Timeout: requestTime}}
	t.Cleanup(transport.CloseIdleConnections)
	r, err := p.Call(http.MethodPost, "/v1/guests", "", fmt.Sprintf(`{"name":%q}`, name))
	if err != nil {
		t.Fatal(err)
	}
	var guest struct {
		Player  struct{ ID, Name string }
		Token   string
		Balance int64
	}
	if err := json.Unmarshal(r.Body, &guest); err != nil || r.Status != http.StatusCreated || guest.Balance != StartingBalance {
		t.Fatalf("sign up: %d %s", r.Status, r.Body)
	}
	p.ID, p.Name, p.Token = guest.Player.ID, guest.Player.Name, guest.Token
	return p
}

// Call makes one request. An error means that there was no answer.
func (p *Player) Call(method, path, key, body string) (Reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return Reply{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if p.Token != "" {
		req.Header.Set("Authorization", "Bearer "+p.Token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	answer, err := p.client.Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return Reply{answer.StatusCode, answer.Header, text}, err
}

// Bet posts one bet on dice-1.
func (p *Player) Bet(key string, stake int64) (Reply, error) {
	return p.Call(http.MethodPost, "/v1/bets", key,
		fmt.Sprintf(`{"game":"dice","table":"dice-1","stake":%d,"params":{"direction":"under","target":5000}}`, stake))
}

// errNoEnd says that a bet was never answered with an outcome.
var errNoEnd = errors.New("no outcome within the time of the test")

// BetUntilSettled posts one bet, under one key, as a good client does: again after no
// answer and after a 503, until there is an outcome.
func (p *Player) BetUntilSettled(key string, stake int64) (Reply, error) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		r, err := p.Bet(key, stake)
		if err == nil && r.Status < 500 {
			return r, nil
		}
		if err == nil && r.Status != http.StatusServiceUnavailable && r.Status != http.StatusBadGateway {
			return r, fmt.Errorf("bet %s: %d %s", key, r.Status, r.Body)
		}
		pause := time.NewTimer(20 * time.Millisecond)
		<-pause.C
	}
	return Reply{}, errNoEnd
}
