package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/migrations"
	"github.com/vegascore/vegascore/shared/localpg"
)

// migration is one file of package migrations.
type migration struct {
	version           int
	name, sql, sha256 string
	phase             string
	inTransaction     bool
}

// readMigrations returns the files in order.
func readMigrations() ([]migration, error) {
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the migrations: %w", err)
	}
	slices.Sort(names)
	var all []migration
	for _, name := range names {
		b, err := migrations.Files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", name, err)
		}
		number, rest, _ := strings.Cut(strings.TrimSuffix(name, ".sql"), "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", name, err)
		}
		sum := sha256.Sum256(b)
		m := migration{version: version, name: rest, sql: string(b), sha256: hex.EncodeToString(sum[:]), inTransaction: true}
		for line := range strings.Lines(m.sql) {
			if !strings.HasPrefix(line, "--") {
				break
			}
			key, value, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "--")), ":")
			switch value = strings.TrimSpace(value); key {
			case "phase":
				m.phase = value
			case "tx":
				m.inTransaction = value != "off"
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// migrate brings an empty database to the newest schema, as its owner. The job
// jobs/migrate does it for real databases; no package of shared may import a job.
func migrate(ctx context.Context, owner string, all []migration) error {
	conn, err := pgx.Connect(ctx, owner)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, migrations.Bootstrap); err != nil {
		return fmt.Errorf("migrate: bootstrap: %w", err)
	}
	for _, m := range all {
		if err := m.apply(ctx, conn); err != nil {
			return fmt.Errorf("migrate: %04d_%s: %w", m.version, m.name, err)
		}
	}
	return nil
}

const record = `INSERT INTO schema_migrations (version, name, sha256, phase, finished_at)
	VALUES ($1, $2, $3, $4, clock_timestamp())`

func (m migration) apply(ctx context.Context, conn *pgx.Conn) error {
	if !m.inTransaction {
		// One at a time: the server takes several at once as one transaction.
		for statement := range strings.SplitSeq(m.sql, ";\n") {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		_, err := conn.Exec(ctx, record, m.version, m.name, m.sha256, m.phase)
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, m.sql); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, record, m.version, m.name, m.sha256, m.phase)
		return err
	})
}

var (
	templateMu sync.Mutex
	templates  = map[string]string{} // by the server's URL
)

// sharedTemplate is the name of the migrated template on a server, made once.
func sharedTemplate(admin string) (string, error) {
	templateMu.Lock()
	defer templateMu.Unlock()
	if name, ok := templates[admin]; ok {
		return name, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	name, err := makeTemplate(ctx, admin)
	if err != nil {
		return "", fmt.Errorf("make the template database: %w", err)
	}
	templates[admin] = name
	return name, nil
}

// makeTemplate names the template by the content of the migrations, so that test
// binaries which share a server share it, and a changed migration makes a new one.
func makeTemplate(ctx context.Context, admin string) (name string, err error) {
	all, err := readMigrations()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write([]byte(migrations.Bootstrap))
	for _, m := range all {
		sum.Write([]byte(m.sha256))
	}
	name = "vegas_template_" + hex.EncodeToString(sum.Sum(nil))[:12]
	unfinished := name + "_unfinished"
	owner, err := localpg.WithUser(admin, unfinished, localpg.Owner, password)
	if err != nil {
		return "", err
	}
	err = localpg.Locked(ctx, admin, func(conn *pgx.Conn) error {
		if err := localpg.EnsureOwner(ctx, conn, password); err != nil {
			return err
		}
		var exists bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil || exists {
			return err
		}
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+unfinished+" WITH (FORCE)"); err != nil {
			return err
		}
		if _, err := localpg.EnsureDatabase(ctx, conn, unfinished); err != nil {
			return err
		}
		if err := migrate(ctx, owner, all); err != nil {
			return err
		}
		if err := localpg.EnsureLogin(ctx, conn, password); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "ALTER DATABASE "+unfinished+" RENAME TO "+name)
		return err
	})
	return name, err
}

// ensureOwner makes the roles without a template. The services' login comes with
// the first migration, which makes the group that it belongs to.
func ensureOwner(admin string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return localpg.Locked(ctx, admin, func(conn *pgx.Conn) error {
		return localpg.EnsureOwner(ctx, conn, password)
	})
}
