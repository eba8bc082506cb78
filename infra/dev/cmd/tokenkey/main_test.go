package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/auth"
)

func file(t *testing.T, folder, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func signed(t *testing.T, key []byte) string {
	t.Helper()
	signer, err := auth.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := signer.Sign(uuid.New(), "Ada", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokensOfBothKeysAreTakenWhileKeysAreRotated(t *testing.T) {
	t.Parallel()
	before, after := t.TempDir(), filepath.Join(t.TempDir(), "keys")
	if err := run([]string{"-kid", "one", "-out", before}, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-kid", "two", "-keep", filepath.Join(before, "token-jwks.json"), "-out", after}, io.Discard); err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.NewVerifier(file(t, after, "token-jwks.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{before, after} {
		if _, err := verifier.Verify(signed(t, file(t, folder, "token.jwk"))); err != nil {
			t.Errorf("a token of %s: %v", folder, err)
		}
	}
}

func TestAKeyIsNeverOverwrittenNorNamedTwice(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := run([]string{"-kid", "one", "-out", folder}, io.Discard); err != nil {
		t.Fatal(err)
	}
	was := file(t, folder, "token.jwk")
	for name, args := range map[string][]string{
		"the same folder": {"-kid", "two", "-out", folder},
		"the same name":   {"-kid", "one", "-keep", filepath.Join(folder, "token-jwks.json"), "-out", t.TempDir()},
		"no name":         {"-out", t.TempDir()},
		"no such set":     {"-kid", "two", "-keep", filepath.Join(folder, "none"), "-out", t.TempDir()},
	} {
		if run(args, io.Discard) == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got := file(t, folder, "token.jwk"); string(got) != string(was) {
		t.Error("the key changed")
	}
}
