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
)

// maxDocument bounds a health document, in bytes.
const maxDocument = 1 << 20

// ask asks all services at once. A degraded service is well enough; a sick or a
// silent one is not.
func ask(ctx context.Context, urls []string, timeout time.Duration) []Service {
	client := &http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a health document is where it is
		},
	}
	all := make([]Service, len(urls))
	var wg sync.WaitGroup
	for i, url := range urls {
		wg.Go(func() { // ends with the client's timeout
			began := time.Now()
			status, err := statusOf(ctx, client, url)
			all[i] = Service{URL: url, Status: status, TookMS: time.Since(began).Milliseconds()}
			all[i].OK = err == nil && (status == health.Healthy || status == health.Degraded)
			if err != nil {
				all[i].Error = err.Error()
			}
		})
	}
	wg.Wait()
	return all
}

// statusOf reads the status in a service's health document.
func statusOf(ctx context.Context, client *http.Client, url string) (health.Status, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/health", nil)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	defer response.Body.Close()
	// A sick service answers 503 with a document.
	if code := response.StatusCode; code != http.StatusOK && code != http.StatusServiceUnavailable {
		return "", fmt.Errorf("ask %s: answered %s", url, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument))
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	var document health.Document
	if err := json.Unmarshal(body, &document); err != nil || document.Status == "" {
		return "", fmt.Errorf("ask %s: answered %s without a health document", url, response.Status)
	}
	return document.Status, nil
}
