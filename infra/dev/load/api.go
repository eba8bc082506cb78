package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// attempts is how often one request is sent before it counts as failed. A bet keeps
// its key, so that an answer that was lost is not a second bet.
const attempts = 6

// api calls the platform as one player, or as nobody while token is empty.
type api struct {
	base   string
	client *http.Client
	token  string
	failed func(code string) // is told of each refused or failed attempt
}

// refusal is an answer that is not a success.
type refusal struct {
	Status int    `json:"-"`
	Code   string `json:"code"`
	after  time.Duration
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.Status, r.Code) }

// call sends a request until it has a definite answer, and reads that into out.
func (a *api) call(ctx context.Context, method, path, key string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	pause := 50 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := a.once(ctx, method, path, key, body, out)
		if err == nil {
			return nil
		}
		var refused *refusal
		isRefusal := errors.As(err, &refused)
		if isRefusal {
			a.failed(refused.Code)
		} else {
			a.failed("no_answer")
		}
		if isRefusal && refused.Status < 500 && refused.Status != http.StatusTooManyRequests || attempt == attempts {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		wait := pause
		if isRefusal {
			wait = max(wait, refused.after)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s %s: %w", method, path, err)
		case <-time.After(wait):
		}
		pause *= 2
	}
}

func (a *api) once(ctx context.Context, method, path, key string, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		refused := &refusal{}
		if json.Unmarshal(text, refused) != nil || refused.Code == "" {
			refused.Code = "http_" + strconv.Itoa(answer.StatusCode)
		}
		refused.Status = answer.StatusCode
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
			refused.after = min(time.Duration(seconds)*time.Second, 5*time.Second)
		}
		return refused
	}
	return json.Unmarshal(text, out)
}

// guest is the answer to POST /v1/guests.
type guest struct {
	Player struct {
		ID string `json:"id"`
	} `json:"player"`
	Token   string `json:"token"`
	Balance int64  `json:"balance"`
}

// bet is the body of POST /v1/bets: dice, under 50.00.
type bet struct {
	Game   string `json:"game"`
	Table  string `json:"table"`
	Stake  int64  `json:"stake"`
	Params struct {
		Direction string `json:"direction"`
		Target    int64  `json:"target"`
	} `json:"params"`
}

func newBet(table string, stake int64) bet {
	b := bet{Game: "dice", Table: table, Stake: stake}
	b.Params.Direction, b.Params.Target = "under", 5000
	return b
}

// settled is what matters of the answer to a bet.
type settled struct {
	Round struct {
		ID      string `json:"id"`
		Stake   int64  `json:"stake"`
		Payout  int64  `json:"payout"`
		Balance int64  `json:"balance"`
	} `json:"round"`
}
