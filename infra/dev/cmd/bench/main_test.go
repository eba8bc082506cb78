package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestFlagsAndTheirMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args      []string
		said, err string
	}{
		{[]string{"-help"}, "-json", ""},
		{[]string{"-what"}, "-short", "not defined"},
		{[]string{"bets"}, "", "flags alone"},
	} {
		var progress bytes.Buffer
		err := run(t.Context(), c.args, &bytes.Buffer{}, &progress)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%v: got %v, want %q", c.args, err, c.err)
		}
		if !strings.Contains(progress.String(), c.said) {
			t.Errorf("%v: said %q", c.args, progress.String())
		}
	}
}
