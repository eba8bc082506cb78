// Command statements records what the services say to PostgreSQL in their tests:
//
//	statements v1 go test ./services/actions/... ./services/events/...
//
// It writes infra/dev/statements/recorded/v1.json. Only what the schema of the same
// commit understands is kept: tests make tables of their own, too.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/infra/dev/statements"
	"github.com/vegascore/vegascore/shared/localpg"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "statements:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) < 2 {
		return errors.New("usage: statements RELEASE COMMAND [ARGUMENT...]")
	}
	dir, err := os.MkdirTemp("", "vegas-statements-")
	if err != nil {
		return fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := localpg.Start(ctx, localpg.Options{Dir: dir, NoSync: true, Trust: true, Settings: map[string]string{
		"shared_preload_libraries": statements.Extension, statements.Extension + ".track": "top",
		statements.Extension + ".max": "10000", statements.Extension + ".track_utility": "off", "max_connections": "300",
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	admin := server.URL("postgres")
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "CREATE EXTENSION "+statements.Extension); err != nil {
		return fmt.Errorf("prepare the server: %w", err)
	}
	cmd := exec.CommandContext(ctx, args[1], args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "TEST_DATABASE_URL="+admin)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run the tests: %w", err)
	}
	release := statements.Release{Name: args[0]}
	if release.Statements, err = understood(ctx, conn, admin); err != nil {
		return err
	}
	text, err := json.MarshalIndent(release, "", "\t")
	if err != nil {
		return fmt.Errorf("write statements: %w", err)
	}
	file := filepath.Join("infra", "dev", "statements", "recorded", filepath.Base(args[0])+".json")
	fmt.Printf("%d statements in %s\n", len(release.Statements), file)
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// understood are the noted statements that the schema of this commit understands.
func understood(ctx context.Context, conn *pgx.Conn, admin string) ([]string, error) {
	all, err := statements.Noted(ctx, conn)
	if err != nil {
		return nil, err
	}
	const name = "recorded"
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" OWNER "+localpg.Owner); err != nil {
		return nil, fmt.Errorf("make a database: %w", err)
	}
	owner, err := localpg.WithUser(admin, name, localpg.Owner, "")
	if err != nil {
		return nil, err
	}
	job := exec.CommandContext(ctx, "go", "run", "./jobs/migrate")
	job.Env = append(os.Environ(), "DIRECT_URL="+owner)
	if said, err := job.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("migrate: %w\n%s", err, said)
	}
	login, err := localpg.WithUser(admin, name, localpg.Login, "")
	if err != nil {
		return nil, err
	}
	service, err := pgx.Connect(ctx, login)
	if err != nil {
		return nil, fmt.Errorf("connect as the services do: %w", err)
	}
	defer func() { _ = service.Close(context.WithoutCancel(ctx)) }()
	refused, err := statements.Try(ctx, service, all)
	if err != nil {
		return nil, err
	}
	for _, r := range refused {
		fmt.Printf("left out: %v: %.100s\n", r.Err, r.Statement)
		all = slices.DeleteFunc(all, func(s string) bool { return s == r.Statement })
	}
	return all, nil
}
