// Package script reads migrations: NNNN_name.sql files with a header of two lines, or of
// three when they remove something.
package script

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/vegascore/vegascore/jobs/migrate/internal/statement"
)

// Phase says what a migration does to code that is older than it.
type Phase string

// The phases of a header.
const (
	Expand   Phase = "expand"   // older code works on
	Contract Phase = "contract" // removes what no running revision uses
	Data     Phase = "data"     // changes rows only; older code works on
)

// Script is one migration.
type Script struct {
	Version int
	Name    string // without number and ending
	Phase   Phase
	Tx      bool // applied in one transaction
	// Code is that of the oldest code which works after a contract migration, as the
	// newest migration that it was built with; 0 in the other phases.
	Code   int
	SHA256 string // of the whole file, in hex
	SQL    string
	// Statements are filled when Tx is false: they are run one by one, and each
	// leaves the same behind when it is run again after a crash.
	Statements []statement.Statement
}

// ErrInvalid is in every error about the files themselves.
var ErrInvalid = errors.New("invalid migrations")

var (
	fileName = regexp.MustCompile(`^([0-9]{4})_([a-z0-9]+(?:_[a-z0-9]+)*)\.sql$`)
	header   = regexp.MustCompile(`^-- phase: (expand|contract|data)\n-- tx: (on|off)\n(?:-- code: ([0-9]{4})\n)?`)
)

// Load reads the .sql files at the root of files, in their order. It refuses all
// of them for one that is misnamed, has no proper header, leaves a gap in the
// numbers, or could not be finished by a second run.
func Load(files fs.FS) ([]Script, error) {
	names, err := fs.Glob(files, "*.sql") // sorted
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrInvalid)
	}
	var all []Script
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", name, err)
		}
		s, err := parse(name, string(text))
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, name, err)
		}
		if want := len(all) + 1; s.Version != want {
			return nil, fmt.Errorf("%w: %s: number %04d comes next; there is a gap or a number twice", ErrInvalid, name, want)
		}
		all = append(all, s)
	}
	return all, nil
}

func parse(name, text string) (Script, error) {
	parts := fileName.FindStringSubmatch(name)
	if parts == nil {
		return Script{}, errors.New("the name is not NNNN_name.sql in lower case")
	}
	head := header.FindStringSubmatch(text)
	if head == nil {
		return Script{}, errors.New(`the first lines are not "-- phase: expand | contract | data" and "-- tx: on | off"`)
	}
	version, err := strconv.Atoi(parts[1])
	if err != nil {
		return Script{}, err
	}
	sum := sha256.Sum256([]byte(text))
	s := Script{
		Version: version, Name: parts[2], Phase: Phase(head[1]), Tx: head[2] == "on",
		SHA256: hex.EncodeToString(sum[:]), SQL: text,
	}
	if s.Code, err = code(s, head[3]); err != nil {
		return Script{}, err
	}
	statements := statement.Split(text)
	if len(statements) == 0 {
		return Script{}, errors.New("it has no statement")
	}
	for _, st := range statements {
		if s.Tx {
			err = inTransaction(st)
		} else {
			err = repeatable(st, s.Phase)
		}
		if err != nil {
			return Script{}, fmt.Errorf("%w: %s", err, firstLine(st.Text))
		}
	}
	if !s.Tx {
		s.Statements = statements
	}
	return s, nil
}

// code reads the third line of a header.
func code(s Script, text string) (int, error) {
	if (s.Phase == Contract) != (text != "") {
		return 0, errors.New(`"-- code: NNNN" is the third line of contract migrations, and of no other: the newest migration of the first release that does without what is removed`)
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err == nil && (n < 1 || n >= s.Version) {
		err = fmt.Errorf("code: %04d: a release before this migration must do without what is removed", n)
	}
	return n, err
}

// inTransaction refuses what would end the transaction in which the migration and
// its record stand or fall together.
func inTransaction(s statement.Statement) error {
	for _, word := range []string{"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "PREPARE"} {
		if s.Has(word) {
			return errors.New("tx on: the runner begins and ends the transaction")
		}
	}
	return nil
}

// repeatable refuses statements outside a transaction that could not be run again
// after a crash that left it open how far they came.
func repeatable(s statement.Statement, phase Phase) error {
	if index, ok := s.ConcurrentIndex(); ok {
		if index.Name == "" || index.Table == "" {
			return errors.New("tx off: an index needs a name, or a second run would build it twice")
		}
		return nil
	}
	for _, words := range [][]string{
		{"DROP", "INDEX", "CONCURRENTLY", "IF", "EXISTS"},
		{"ALTER", "TYPE", "?", "ADD", "VALUE", "IF", "NOT", "EXISTS"},
		{"ALTER", "TYPE", "?", ".", "?", "ADD", "VALUE", "IF", "NOT", "EXISTS"},
		{"ALTER", "TABLE", "?", "VALIDATE", "CONSTRAINT"},
		{"ALTER", "TABLE", "?", ".", "?", "VALIDATE", "CONSTRAINT"},
		{"VACUUM"},
		{"ANALYZE"},
	} {
		if s.Has(words...) {
			return nil
		}
	}
	if phase == Data {
		// Whether these may be repeated only their author can know.
		for _, word := range []string{"UPDATE", "DELETE", "INSERT", "WITH", "CALL", "DO"} {
			if s.Has(word) {
				return nil
			}
		}
	}
	return errors.New("tx off: this statement may not be safe to run again after a crash")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
