package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/vegascore/vegascore/shared/identity"
)

// actions is a client of the actions service, which knows the rules of the games.
func actions(c Config) *http.Client {
	return &http.Client{
		Timeout:   finishTime,
		Transport: identity.For(c.Audience, &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}),
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a token goes where it is for
		},
	}
}

// post sends a JSON value and reads the one that it is answered with.
func post(ctx context.Context, client *http.Client, url string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if text, err = io.ReadAll(io.LimitReader(answer.Body, maxDocument)); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("actions answered %s", answer.Status)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
