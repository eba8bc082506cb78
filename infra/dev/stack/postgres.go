package stack

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/child"
	"github.com/vegascore/vegascore/shared/localpg"
)

// databaseName is the private cluster's.
const databaseName = "vegascore"

// startPostgres starts the private cluster and makes the owner of the schema and its
// database. The login of the services comes after the migrations, whose first one
// makes the group that it belongs to.
func (s *Stack) startPostgres(ctx context.Context) (how string, err error) {
	if s.opts.DatabaseURL != "" {
		return "from DATABASE_URL", nil
	}
	s.postgres, err = localpg.Start(ctx, localpg.Options{Dir: s.state.path("pg"), NoSync: s.opts.NoSync})
	if err != nil {
		return "", err
	}
	if s.password, err = secret(s.state.path("pg", "roles-password")); err != nil {
		return "", err
	}
	admin := s.postgres.URL("postgres")
	err = localpg.Locked(ctx, admin, func(conn *pgx.Conn) error {
		if err := localpg.EnsureOwner(ctx, conn, s.password); err != nil {
			return err
		}
		_, err := localpg.EnsureDatabase(ctx, conn, databaseName)
		return err
	})
	if err != nil {
		return "", err
	}
	if s.vars.directURL, err = localpg.WithUser(admin, databaseName, localpg.Owner, s.password); err != nil {
		return "", err
	}
	if s.vars.databaseURL, err = localpg.WithUser(admin, databaseName, localpg.Login, s.password); err != nil {
		return "", err
	}
	made := "data found"
	if s.postgres.Created() {
		made = "new cluster"
	}
	return fmt.Sprintf("private PostgreSQL %d in %s, %s", s.postgres.Version(), s.show(s.state.path("pg")), made), nil
}

// migrate runs the migration job to its end.
func (s *Stack) migrate(ctx context.Context) error {
	out := &lineWriter{service: "migrate", screen: s.logs, all: s.opts.AllLogs, raw: s.opts.RawLogs}
	file, err := s.state.logFile("migrate")
	if err != nil {
		return err
	}
	defer file.Close()
	out.file = file
	cmd := exec.Command(filepath.Join(s.bin, "migrate"), "up")
	cmd.Env = environment(map[string]string{
		"DATABASE_URL": s.vars.directURL, "DIRECT_URL": s.vars.directURL, "LOG_FORMAT": "json",
	}, s.opts.Env[""], s.opts.Env["migrate"])
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 2 * time.Second
	p, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		return p.Stop(ctx, syscall.SIGTERM)
	}
	if p.Err() != nil {
		return fmt.Errorf("migrate: %w; the end of %s:\n%s", p.Err(), file.Name(), out.last())
	}
	if s.postgres == nil {
		return nil
	}
	return localpg.Locked(ctx, s.postgres.URL("postgres"), func(conn *pgx.Conn) error {
		return localpg.EnsureLogin(ctx, conn, s.password)
	})
}
