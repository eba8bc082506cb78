package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/identity"
	"github.com/vegascore/vegascore/shared/postgres"
)

// maxDocument bounds a health document, in bytes.
const maxDocument = 1 << 20

// Answer is a service's health document, or why there is none.
type Answer struct {
	URL      string
	Document health.Document
	Took     time.Duration
	Err      error
}

// Ask asks all of c's services at once, each within timeout. The answers are in the order
// of the URLs.
func Ask(ctx context.Context, c Config, timeout time.Duration) []Answer {
	var way http.RoundTripper = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	if c.Identity == "token" {
		way = identity.New(way)
	}
	client := &http.Client{
		Timeout:   timeout,
		Transport: way,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a health document is where it is
		},
	}
	all := make([]Answer, len(c.Services))
	var wg sync.WaitGroup
	for i, url := range c.Services {
		wg.Go(func() { // ends with the client's timeout
			began := time.Now()
			document, err := documentOf(ctx, client, url)
			all[i] = Answer{URL: url, Document: document, Took: time.Since(began), Err: err}
		})
	}
	wg.Wait()
	return all
}

// judge says which of the services are well. A degraded one is well enough; a sick or a
// silent one is not.
func judge(answers []Answer) []Service {
	all := make([]Service, len(answers))
	for i, a := range answers {
		status := a.Document.Status
		all[i] = Service{URL: a.URL, Status: status, Version: a.Document.Version, TookMS: a.Took.Milliseconds()}
		all[i].OK = a.Err == nil && (status == health.Healthy || status == health.Degraded)
		if a.Err != nil {
			all[i].Error = a.Err.Error()
		}
	}
	return all
}

// noteVersions writes down which services answer with another version than before.
func noteVersions(ctx context.Context, db *postgres.DB, services []Service) error {
	for _, s := range services {
		if s.Error != "" || s.Version == "" {
			continue
		}
		_, err := db.Exec(ctx, `INSERT INTO service_versions (service, version) SELECT $1::text, $2::text
			WHERE $2 IS DISTINCT FROM (SELECT version FROM service_versions WHERE service = $1 ORDER BY id DESC LIMIT 1)`, s.URL, s.Version)
		if err != nil {
			return fmt.Errorf("note the version of %s: %w", s.URL, err)
		}
	}
	return nil
}

// documentOf reads a service's health document.
func documentOf(ctx context.Context, client *http.Client, url string) (health.Document, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/health", nil)
	if err != nil {
		return health.Document{}, fmt.Errorf("ask %s: %w", url, err)
	}
	response, err := client.Do(request)
	if err != nil {
		return health.Document{}, fmt.Errorf("ask %s: %w", url, err)
	}
	defer response.Body.Close()
	// A sick service answers 503 with a document.
	if code := response.StatusCode; code != http.StatusOK && code != http.StatusServiceUnavailable {
		return health.Document{}, fmt.Errorf("ask %s: answered %s", url, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument))
	if err != nil {
		return health.Document{}, fmt.Errorf("ask %s: %w", url, err)
	}
	var document health.Document
	if err := json.Unmarshal(body, &document); err != nil || document.Status == "" {
		return health.Document{}, fmt.Errorf("ask %s: answered %s without a health document", url, response.Status)
	}
	return document, nil
}
