package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/identity"
	"github.com/vegascore/vegascore/shared/postgres"
)

const (
	// finishTime bounds one request to the actions service, which finishes a bounded number
	// of rounds, and finishCalls how many requests a run makes.
	finishTime  = 30 * time.Second
	finishCalls = 20
)

// finished is what the actions service has made of rounds that were left.
type finished struct {
	Settled int64       `json:"settled"`
	Void    []uuid.UUID `json:"void"`
	Failed  int64       `json:"failed"`
	Next    uuid.UUID   `json:"next"`
}

// finish has the actions service play rounds to their end. Without its address there is
// nobody who could, which matters when there are such rounds.
func finish(ctx context.Context, c Config, db *postgres.DB) (finished, error) {
	if c.Actions == "" {
		return unfinished(ctx, c, db)
	}
	client := &http.Client{
		Timeout:   finishTime,
		Transport: identity.For(c.Audience, &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}),
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a token goes where it is for
		},
	}
	var all finished
	for range finishCalls {
		f, err := finishSome(ctx, c, client, all.Next)
		if err != nil {
			return all, err
		}
		all.Settled, all.Failed, all.Void, all.Next = all.Settled+f.Settled, all.Failed+f.Failed, append(all.Void, f.Void...), f.Next
		if f.Next == uuid.Nil {
			break
		}
	}
	return all, nil
}

func finishSome(ctx context.Context, c Config, client *http.Client, after uuid.UUID) (f finished, err error) {
	body, err := json.Marshal(struct {
		Idle  int64     `json:"idle_s"`
		After uuid.UUID `json:"after,omitzero"`
	}{int64(c.RoundsOlderThan / time.Second), after})
	if err != nil {
		return f, fmt.Errorf("finish rounds: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Actions+"/v1/rounds/finish", bytes.NewReader(body))
	if err != nil {
		return f, fmt.Errorf("finish rounds: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return f, fmt.Errorf("finish rounds: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument))
	if err != nil {
		return f, fmt.Errorf("finish rounds: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return f, fmt.Errorf("finish rounds: actions answered %s", answer.Status)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("finish rounds: read the answer: %w", err)
	}
	return f, nil
}

// unfinished counts the rounds that nobody finishes.
func unfinished(ctx context.Context, c Config, db *postgres.DB) (f finished, err error) {
	err = db.QueryRow(ctx, `SELECT count(*) FROM rounds WHERE state = 'open' AND created_at < now() - make_interval(secs => $1)`,
		c.RoundsOlderThan.Seconds()).Scan(&f.Failed)
	if err != nil {
		return f, fmt.Errorf("look for rounds that were left: %w", err)
	}
	if f.Failed > 0 {
		err = errors.New("rounds were left, and ACTIONS_URL does not say who could finish them")
	}
	return f, err
}
