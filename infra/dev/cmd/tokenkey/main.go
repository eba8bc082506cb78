// Command tokenkey makes a signing key of player tokens: token.jwk, the private key, and
// token-jwks.json, the public keys, to which it adds those of the set that is in use.
//
//	go run ./infra/dev/cmd/tokenkey -kid 2026-11 -keep old-jwks.json -out keys
//
// infra/README.md says in which order the two are put into service.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/vegascore/vegascore/shared/auth"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "tokenkey:", err)
		os.Exit(1)
	}
}

// set is a JWKS whose keys are kept as they are.
type set struct {
	Keys []json.RawMessage `json:"keys"`
}

// run writes the files and prints their names to out. It never overwrites a key.
func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("tokenkey", flag.ContinueOnError)
	flags.SetOutput(out)
	kid := flags.String("kid", "", "name of the key, another one each time")
	keep := flags.String("keep", "", "file with the public keys in use, which stay; none at the first time")
	folder := flags.String("out", ".", "folder of the new files")
	if err := flags.Parse(args); err != nil {
		return err
	}
	private, public, err := auth.GenerateKey(*kid)
	if err != nil {
		return err
	}
	if *keep != "" {
		if public, err = joined(public, *keep); err != nil {
			return err
		}
	}
	// What the services would refuse is refused here.
	if _, err := auth.NewVerifier(public); err != nil {
		return err
	}
	if err := os.MkdirAll(*folder, 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	err = errors.Join(
		write(filepath.Join(*folder, "token.jwk"), private),
		write(filepath.Join(*folder, "token-jwks.json"), public))
	if err == nil {
		fmt.Fprintf(out, "token.jwk (secret) and token-jwks.json (public) are in %s\n", *folder)
	}
	return err
}

// joined adds the keys of a file to a set.
func joined(public []byte, file string) ([]byte, error) {
	old, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the keys in use: %w", err)
	}
	var all, more set
	if err := errors.Join(json.Unmarshal(public, &all), json.Unmarshal(old, &more)); err != nil {
		return nil, fmt.Errorf("read the keys in use: %w", err)
	}
	all.Keys = append(all.Keys, more.Keys...)
	return json.Marshal(all)
}

// write makes a file that was not there, for its owner alone.
func write(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	return nil
}
