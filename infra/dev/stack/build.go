package stack

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
)

// build compiles the deployables, the sweep if it is wanted, into bin. The go command compiles only what
// changed.
func build(ctx context.Context, root, bin string, sweep bool) error {
	args := []string{"build", "-buildvcs=false", "-o", bin + "/", "./services/realtime", "./services/actions", "./services/events", "./jobs/migrate"}
	if sweep {
		args = append(args, "./jobs/sweep")
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the services: %w\n%s", err, bytes.TrimSpace(said.Bytes()))
	}
	return BuildCheck(ctx, root, bin)
}
