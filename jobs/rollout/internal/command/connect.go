package command

import (
	"context"
	"errors"
	"fmt"

	run "cloud.google.com/go/run/apiv2"
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
