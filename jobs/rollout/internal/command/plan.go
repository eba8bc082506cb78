package command

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/vegascore/vegascore/jobs/rollout/internal/gate"
)

// writePlan prints a plan for people.
func writePlan(out io.Writer, p gate.Plan) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for i, step := range p.Steps {
		if _, err := fmt.Fprintf(w, "%d\t%s\t%s\n", i+1, step.What, step.How); err != nil {
			return fmt.Errorf("print the plan: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	if len(p.Obstacles) > 0 {
		if _, err := fmt.Fprintln(out, "\nit would not begin: "+strings.Join(p.Obstacles, "; ")); err != nil {
			return fmt.Errorf("print the plan: %w", err)
		}
	}
	return nil
}
