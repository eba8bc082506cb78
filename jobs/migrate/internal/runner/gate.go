package runner

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/vegascore/vegascore/jobs/migrate/internal/record"
	"github.com/vegascore/vegascore/jobs/migrate/internal/script"
)

// Commit is the commit that the binary was built from, set by the linker; empty in
// builds by hand.
var Commit string

// Gate is what the rollout tells a run. The zero value is a run by hand, on a machine of
// a developer or in a test: then nothing is refused for these reasons.
type Gate struct {
	// Commit is the one that is rolled out. A binary of another one is refused: between
	// the choice of the image and the start of the job somebody else may have put
	// another image into it.
	Commit string `env:"EXPECT_COMMIT"`
	// OldGone is since when no revision before the present one has had traffic; zero
	// when there was none yet.
	OldGone time.Time `env:"OLD_CODE_GONE_SINCE"`
}

// oldCodeLives is how long sockets can hold code that gets no new traffic: Cloud Run
// ends a request, and so a websocket, after at most 3,600 s.
const oldCodeLives = time.Hour

var (
	// ErrCommit says that the binary is not of the commit that is rolled out.
	ErrCommit = errors.New("this binary was built from another commit")
	// ErrContract says that old code may still use what a migration removes.
	ErrContract = errors.New("old code may still run: contract migrations wait until it has had no traffic for 3600 s")
)

// built refuses a binary of another commit.
func (g Gate) built(commit string) error {
	if g.Commit != "" && g.Commit != commit {
		return fmt.Errorf("%w: %q, and %q is rolled out", ErrCommit, commit, g.Commit)
	}
	return nil
}

// admits refuses a plan with a contract migration that comes too early. A database to
// which nothing was applied has no old code.
func (g Gate) admits(plan record.Plan, now time.Time) error {
	if g.Commit == "" || len(plan.Applied) == 0 {
		return nil
	}
	for _, s := range plan.Pending {
		switch {
		case s.Phase != script.Contract:
		case g.OldGone.IsZero() || now.Sub(g.OldGone) < oldCodeLives:
			return fmt.Errorf("%w: %04d_%s, old code gone since %q", ErrContract, s.Version, s.Name, gone(g.OldGone))
		case !g.served(plan, s.Code):
			return fmt.Errorf("%w: %04d_%s, and the present release is older than migration %04d", ErrContract, s.Version, s.Name, s.Code)
		}
	}
	return nil
}

// served reports whether the present release was built with a migration: whether that
// was finished before the release had all traffic. One that a failed rollout left behind
// was not.
func (g Gate) served(plan record.Plan, version int) bool {
	for _, row := range plan.Applied {
		if row.Version == version {
			return !row.Finished.After(g.OldGone)
		}
	}
	return false
}

// Allowed returns the error with which Up would refuse a plan because of what the
// rollout says (ErrCommit, ErrContract).
func (c Config) Allowed(plan record.Plan) error {
	if err := c.Gate.built(cmp.Or(c.commit, Commit)); err != nil {
		return err
	}
	return c.Gate.admits(plan, time.Now())
}

func gone(at time.Time) string {
	if at.IsZero() {
		return "unknown"
	}
	return at.UTC().Format(time.RFC3339)
}
