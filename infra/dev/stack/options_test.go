package stack

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestOptionsComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		env  map[string]string
		ok   func(o Options) bool
		err  string
	}{
		{"nothing set", nil, func(o Options) bool {
			return o.Port == 8080 && !o.Reset && o.DatabaseURL == "" && filepath.Base(o.Dir) == ".run" && filepath.Dir(o.Dir) == o.Root
		}, ""},
		{"all set", map[string]string{"PORT": "9000", "RESET": "1", "DATABASE_URL": "postgres://a", "DIRECT_URL": "postgres://b", "REDIS_URL": "redis://c", "ADAPTER": "dynamic", "PUBSUB_EMULATOR_HOST": "d:1"},
			func(o Options) bool {
				return o.Port == 9000 && o.Reset && o.DatabaseURL == "postgres://a" && o.DirectURL == "postgres://b" && o.RedisURL == "redis://c" && o.Adapter == "dynamic" && o.PubsubEmulator == "d:1"
			}, ""},
		{"no adapter", map[string]string{"ADAPTER": "shared"}, nil, "ADAPTER"},
		{"no number", map[string]string{"PORT": "http"}, nil, "PORT"},
		{"no port", map[string]string{"PORT": "70000"}, nil, "PORT"},
		{"half a database", map[string]string{"DIRECT_URL": "postgres://b"}, nil, "DATABASE_URL"},
		{"half a reset", map[string]string{"RESET": "yes"}, nil, "RESET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := FromEnv(func(name string) string { return c.env[name] })
			switch {
			case c.err == "" && (err != nil || !c.ok(got)):
				t.Errorf("got %+v, %v", got, err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("got %v, want an error about %s", err, c.err)
			}
		})
	}
}
