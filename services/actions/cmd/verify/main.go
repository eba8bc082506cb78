//go:build !js

package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// mostBundle bounds what is read, in bytes.
const mostBundle = 1 << 20

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print the report as JSON")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	text, err := read(flags.Args(), stdin)
	if err != nil {
		fmt.Fprintln(stderr, "verify:", err)
		return exitUsage
	}
	out, r, err := report(text)
	if *asJSON {
		fmt.Fprintf(stdout, "%s\n", out)
	}
	if err != nil {
		fmt.Fprintln(stderr, "verify:", err)
		return exitUsage
	}
	if !*asJSON {
		for _, f := range r.Findings {
			mark := "ok  "
			if !f.OK {
				mark = "FAIL"
			}
			fmt.Fprintf(stdout, "%s %s %s\n", mark, f.Check, f.Why)
		}
		fmt.Fprintf(stdout, "round %s by %s: staked %d, payout %d\n", r.Round, r.Rules, r.Staked, r.Payout)
	}
	if !r.OK {
		return exitFailed
	}
	return exitOK
}

// read returns the bundle's text from the one file that is named, or from stdin.
func read(files []string, stdin io.Reader) ([]byte, error) {
	source := stdin
	switch len(files) {
	case 0:
	case 1:
		f, err := os.Open(files[0])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		source = f
	default:
		return nil, fmt.Errorf("one file at most; got %d", len(files))
	}
	text, err := io.ReadAll(io.LimitReader(source, mostBundle+1))
	if err == nil && len(text) > mostBundle {
		err = fmt.Errorf("a bundle has at most %d bytes", mostBundle)
	}
	return text, err
}
