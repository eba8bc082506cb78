package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Rehearsal is a build and how it must end.
type Rehearsal struct {
	Name   string
	set    func(*Stage)
	passed int  // steps that must succeed
	end    bool // all traffic is on the new release
	writes bool // services may have been written to
}

// All are the rehearsals, the good ending first.
var All = []Rehearsal{
	{"a good release", func(*Stage) {}, 3, true, true},
	{"a migration that fails", func(s *Stage) { s.Migration = false }, 2, false, false},
	{"a release that is not healthy", func(s *Stage) { s.Healthy = false }, 2, false, true},
	{"a test that fails", func(s *Stage) { s.Test = "false" }, 0, false, false},
}

// Play runs a rehearsal on the repository at root and returns an error unless it ends as
// it must.
func (r Rehearsal) Play(ctx context.Context, root string, out io.Writer) (err error) {
	s, err := Open(root, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r.set(s)
	passed, failure := s.Run(ctx)
	if failure != nil {
		fmt.Fprintln(out, failure)
	}
	switch {
	case passed != r.passed || (failure == nil) != r.end:
		return fmt.Errorf("%d steps passed, want %d: %w", passed, r.passed, failure)
	case s.Released() != r.end:
		return fmt.Errorf("released: %v, want %v", s.Released(), r.end)
	case !r.writes && s.Writes() > 0:
		return fmt.Errorf("services were written to %d times", s.Writes())
	}
	return nil
}
