package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestCommandsAndTheirMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		args      []string
		env       map[string]string
		said, err string
	}{
		{"help", []string{"help"}, nil, "up ", ""},
		{"nothing", nil, nil, "usage: vegas COMMAND", ""},
		{"unknown", []string{"fly"}, nil, "usage", `no command "fly"`},
		{"up with arguments", []string{"up", "8080"}, nil, "", "no arguments"},
		{"up with a wrong port", []string{"up"}, map[string]string{"PORT": "x"}, "", "PORT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := run(t.Context(), c.args, func(name string) string { return c.env[name] }, &out)
			if !strings.Contains(out.String(), c.said) {
				t.Errorf("said %q, want %q", out.String(), c.said)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}
