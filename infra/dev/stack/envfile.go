package stack

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// envMark is set by the env file, so that a stack is never started from a shell
// that would hand it its own addresses of yesterday.
const envMark = "VEGAS_RUN_ENV"

// alonePort is where the env file lets a service listen that is run by itself.
const alonePort = "8090"

// writeEnvFile writes what a service needs that is run by itself, next to the stack
// or while parts of it are stopped.
func (s *Stack) writeEnvFile(v variables) error {
	all := map[string]string{envMark: "1", "PORT": alonePort, "LOCAL_ONLY": "1", "LOG_FORMAT": "text", "DIRECT_URL": v.directURL}
	for _, m := range []map[string]string{v.database(), v.redis(), v.tokens(), v.signing(), v.facts(), v.push()} {
		maps.Copy(all, m)
	}
	var b strings.Builder
	b.WriteString("# What every service of the running stack was started with. For one service by itself,\n" +
		"# in a subshell so that your shell stays as it is:\n" +
		"#\n" +
		"#\t(. .run/env; FUNCTION_TARGET=leaderboard go run ./services/events)\n" +
		"#\t(. .run/env; PORT=8091 go run ./services/realtime)\n" +
		"#\n" +
		"# Written by `make run`; the next start writes it again.\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(all[name], "'", `'\''`))
	}
	if err := os.WriteFile(s.state.path("env"), []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write the env file: %w", err)
	}
	return nil
}
