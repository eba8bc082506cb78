package command

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/jobs/migrate/internal/lint"
	"github.com/vegascore/vegascore/jobs/migrate/internal/record"
	"github.com/vegascore/vegascore/jobs/migrate/internal/runner"
	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
)

// check lints the files on the database, which must be empty, and prints what it finds.
func check(ctx context.Context, c runner.Config, in Input, asJSON bool) int {
	found, err := findings(ctx, c, in)
	if err != nil {
		fmt.Fprintln(in.Stderr, "migrate: lint:", err)
		_, code := report{}.fail(err)
		return code
	}
	if asJSON {
		encoder := json.NewEncoder(in.Stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(map[string][]lint.Finding{"findings": append([]lint.Finding{}, found...)})
	} else {
		for _, f := range found {
			if _, err = fmt.Fprintln(in.Stdout, f); err != nil {
				break
			}
		}
	}
	switch {
	case err != nil:
		fmt.Fprintln(in.Stderr, "migrate: write the report:", err)
		return Failed
	case len(found) > 0:
		return Unsafe
	}
	return OK
}

func findings(ctx context.Context, c runner.Config, in Input) ([]lint.Finding, error) {
	scripts, err := script.Load(in.Files)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, c.URL)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := record.Read(ctx, conn)
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		return nil, fmt.Errorf("the database is not empty: it has migrations up to %04d", rows[len(rows)-1].Version)
	}
	return lint.Run(ctx, conn, in.Bootstrap, scripts, 0)
}
