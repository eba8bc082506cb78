package croupier

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// roster is what is known of the house's tables. It is Run's goroutine's alone.
type roster struct {
	shared  map[string]bool // by id; a table that is missing is not known
	etag    string
	fetched time.Time // zero before the first time
}

// stale says that the list is too old to say that a table is not in it.
func (r *roster) stale(keep time.Duration) bool {
	return r.fetched.IsZero() || time.Since(r.fetched) >= keep
}

// fetch reads the list of tables. After an error the old one stays.
func (c *Croupier) fetch(ctx context.Context, r *roster) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.opts.URL+"/v1/tables", nil)
	if err != nil {
		return fmt.Errorf("list the tables: %w", err)
	}
	if r.etag != "" {
		request.Header.Set("If-None-Match", r.etag)
	}
	response, err := c.opts.Plain.Do(request)
	if err != nil {
		return fmt.Errorf("list the tables: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusNotModified && r.etag != "" {
		r.fetched = time.Now()
		return nil
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("list the tables: answered %s", response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("list the tables: %w", err)
	}
	var list struct {
		Tables []struct {
			ID     string `json:"id"`
			Shared bool   `json:"shared"`
		} `json:"tables"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("list the tables: read the answer: %w", err)
	}
	shared := make(map[string]bool, len(list.Tables))
	for _, t := range list.Tables {
		shared[t.ID] = t.Shared
	}
	r.shared, r.etag, r.fetched = shared, response.Header.Get("Etag"), time.Now()
	return nil
}
