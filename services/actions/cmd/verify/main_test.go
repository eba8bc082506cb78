//go:build !js

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bundles are the examples of the package that checks them.
func bundles(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../../internal/verify/testdata/*.json")
	if err != nil || len(files) < 7 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	all := make(map[string][]byte, len(files))
	for _, name := range files {
		if all[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestTheExitCodeSaysWhetherTheRoundIsTrue(t *testing.T) {
	t.Parallel()
	const dice = "../../internal/verify/testdata/dice.json"
	text := string(bundles(t)[dice])
	for name, test := range map[string]struct {
		args   []string
		stdin  io.Reader
		code   int
		stdout string // that is in it
		stderr string
	}{
		"a file":          {[]string{dice}, nil, exitOK, "staked 100, payout 198", ""},
		"input":           {nil, strings.NewReader(text), exitOK, "ok   outcome", ""},
		"input as JSON":   {[]string{"-json"}, strings.NewReader(text), exitOK, `"ok":true`, ""},
		"a false payout":  {nil, strings.NewReader(strings.Replace(text, `"payout":198`, `"payout":199`, 1)), exitFailed, "FAIL money", ""},
		"false, as JSON":  {[]string{"-json"}, strings.NewReader(strings.Replace(text, `"payout":198`, `"payout":199`, 1)), exitFailed, `"ok":false`, ""},
		"no bundle":       {nil, strings.NewReader("{}"), exitUsage, "", "missing_field"},
		"no JSON":         {[]string{"-json"}, strings.NewReader("dice"), exitUsage, `"error":`, "bad_json"},
		"no such file":    {[]string{"no-such-file"}, nil, exitUsage, "", "no-such-file"},
		"two files":       {[]string{dice, dice}, nil, exitUsage, "", "one file"},
		"an unknown flag": {[]string{"-x"}, nil, exitUsage, "", "-x"},
		"too much":        {nil, strings.NewReader(strings.Repeat(" ", mostBundle+1)), exitUsage, "", "at most"},
		"broken input":    {nil, io.MultiReader(strings.NewReader("{"), broken{}), exitUsage, "", "unexpected EOF"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(test.args, test.stdin, &stdout, &stderr)
		if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("%s: exit code %d\nout: %s\nerr: %s", name, code, &stdout, &stderr)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAllExamplesAreTrue(t *testing.T) {
	t.Parallel()
	for name := range bundles(t) {
		var stdout, stderr bytes.Buffer
		if code := run([]string{"-json", name}, nil, &stdout, &stderr); code != exitOK || !json.Valid(stdout.Bytes()) {
			t.Errorf("%s: exit code %d\n%s%s", name, code, &stdout, &stderr)
		}
	}
}
