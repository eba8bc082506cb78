package stack

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
)

// build compiles the deployables into bin. The go command compiles only what
// changed.
func build(ctx context.Context, root, bin string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", bin+"/",
		"./services/realtime", "./services/actions", "./services/events", "./jobs/migrate")
	cmd.Dir = root
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the services: %w\n%s", err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}
