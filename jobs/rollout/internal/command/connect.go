package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	run "cloud.google.com/go/run/apiv2"
	"golang.org/x/oauth2"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/vegascore/vegascore/jobs/rollout/internal/gate"
)

// connect opens the clients of the Admin API with the account's own credentials.
func connect(ctx context.Context, endpoint string) (gate.API, func() error, error) {
	var opts []option.ClientOption
	if endpoint != "" {
		opts = append(opts, option.WithEndpoint(endpoint), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	services, err := run.NewServicesClient(ctx, opts...)
	if err != nil {
		return gate.API{}, nil, fmt.Errorf("connect to Cloud Run: %w", err)
	}
	jobs, err := run.NewJobsClient(ctx, opts...)
	if err != nil {
		return gate.API{}, nil, errors.Join(fmt.Errorf("connect to Cloud Run: %w", err), services.Close())
	}
	return gate.API{Services: services, Jobs: jobs}, func() error { return errors.Join(services.Close(), jobs.Close()) }, nil
}

// identity adds an identity token for the host that is asked.
type identity struct {
	tokens tokens
	mu     sync.Mutex
}

// tokens are the sources of tokens by audience.
type tokens map[string]oauth2.TokenSource

// RoundTrip implements http.RoundTripper.
func (i *identity) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := i.token(r.Context(), "https://"+r.URL.Host)
	if err != nil {
		return nil, fmt.Errorf("get an identity token: %w", err)
	}
	r = r.Clone(r.Context())
	token.SetAuthHeader(r)
	return http.DefaultTransport.RoundTrip(r)
}

func (i *identity) token(ctx context.Context, audience string) (*oauth2.Token, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	source := i.tokens[audience]
	if source == nil {
		var err error
		if source, err = idtoken.NewTokenSource(context.WithoutCancel(ctx), audience); err != nil {
			return nil, err
		}
		i.tokens[audience] = source
	}
	return source.Token()
}
