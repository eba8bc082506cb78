package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/problem"
)

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	private, public, err := GenerateKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := GenerateKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	swap := func(data []byte, from, to string) []byte {
		out := strings.Replace(string(data), from, to, 1)
		if out == string(data) {
			t.Fatalf("%q is not in the key", from)
		}
		return []byte(out)
	}
	x := func(data []byte) string { _, rest, _ := strings.Cut(string(data), `"x":"`); return rest[:43] }

	signing := map[string][]byte{
		"not JSON":           []byte("-----BEGIN"),
		"public part only":   []byte(strings.Split(string(private), `,"d"`)[0] + "}"),
		"no kid":             swap(private, `"kid":"k1"`, `"kid":""`),
		"another curve":      swap(private, `Ed25519`, `X25519`),
		"another alg":        swap(private, `EdDSA`, `HS256`),
		"for encryption":     swap(private, `"use":"sig"`, `"use":"enc"`),
		"x of another key":   swap(private, x(private), x(other)),
		"short d":            swap(private, `"d":"`, `"d":"AA","y":"`),
		"a symmetric secret": []byte(`{"kty":"oct","k":"c2VjcmV0","kid":"k1"}`),
	}
	for name, data := range signing {
		if _, err := NewSigner(data); err == nil {
			t.Errorf("signer with %s is accepted", name)
		}
	}
	if _, err := NewSigner(swap(private, `"d":"`, `"d":"A`)); err == nil || strings.Contains(err.Error(), strings.Split(string(private), `"d":"`)[1][:20]) {
		t.Errorf("a bad private part is accepted or shown: %v", err)
	}

	set := map[string][]byte{
		"not JSON":       []byte("x"),
		"no keys":        []byte(`{"keys":[]}`),
		"null":           []byte(`null`),
		"a single key":   private,
		"a private part": []byte(`{"keys":[` + string(private) + `]}`),
		"a kid twice":    []byte(`{"keys":[` + inner(public) + `,` + inner(other) + `]}`),
		"no kid":         swap(public, `"kid":"k1"`, `"kid":""`),
		"short x":        swap(public, x(public), "AA"),
	}
	for name, data := range set {
		if _, err := NewVerifier(data); err == nil {
			t.Errorf("key set with %s is accepted", name)
		}
	}
	if _, _, err := GenerateKey(""); err == nil {
		t.Error("a key without a kid was made")
	}
}

// inner returns the only key of a set.
func inner(set []byte) string {
	return strings.TrimSuffix(strings.TrimPrefix(string(set), `{"keys":[`), `]}`)
}

func TestOldAndNewKeySideBySide(t *testing.T) {
	t.Parallel()
	oldPrivate, oldSet, err := GenerateKey("2026-10")
	if err != nil {
		t.Fatal(err)
	}
	newPrivate, newSet, err := GenerateKey("2026-11")
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier([]byte(`{"keys":[` + inner(oldSet) + `,` + inner(newSet) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range [][]byte{oldPrivate, newPrivate} {
		s, err := NewSigner(private)
		if err != nil {
			t.Fatal(err)
		}
		token, _, err := s.Sign(ada, "Ada", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(token); err != nil {
			t.Errorf("token of key %s: %v", s.kid, err)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	private, public, err := GenerateKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	privateFile, publicFile := file("private", private), file("public", public)

	for name, c := range map[string]Config{
		"values":           {SigningKey: string(private), Keys: string(public)},
		"files":            {SigningKeyFile: privateFile, KeysFile: publicFile},
		"signing key only": {SigningKey: string(private)},
		"signing file":     {SigningKeyFile: privateFile},
		"value over file":  {SigningKey: string(private), SigningKeyFile: "/nowhere", Keys: string(public), KeysFile: "/nowhere"},
	} {
		s, err := c.Signer()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		v, err := c.Verifier()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		token, _, err := s.Sign(ada, "Ada", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			secret := strings.Split(string(private), `"d":"`)[1][:20]
			if s := fmt.Sprintf(verb, struct{ Auth Config }{c}); strings.Contains(s, secret) {
				t.Errorf("%s: printing with %s shows the key", name, verb)
			}
		}
	}

	if _, err := (Config{}).Signer(); err == nil || !strings.Contains(err.Error(), "TOKEN_SIGNING_KEY or TOKEN_SIGNING_KEY_FILE") {
		t.Errorf("no signing key: %v, want an error that names the variables", err)
	}
	if _, err := (Config{}).Verifier(); err == nil || !strings.Contains(err.Error(), "TOKEN_KEYS or TOKEN_KEYS_FILE") {
		t.Errorf("no keys: %v, want an error that names the variables", err)
	}
	if _, err := (Config{KeysFile: "/nowhere"}).Verifier(); err == nil || !strings.Contains(err.Error(), "TOKEN_KEYS_FILE") {
		t.Errorf("no file: %v, want an error that names the variable", err)
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		headers []string
		token   string
		want    problem.Code
	}{
		"good":           {[]string{"Bearer abc"}, "abc", ""},
		"any case":       {[]string{"bEARER abc"}, "abc", ""},
		"two spaces":     {[]string{"Bearer  abc"}, "abc", ""},
		"none":           {nil, "", problem.TokenMissing},
		"empty":          {[]string{""}, "", problem.TokenMissing},
		"scheme only":    {[]string{"Bearer"}, "", problem.TokenMissing},
		"scheme, space":  {[]string{"Bearer "}, "", problem.TokenMissing},
		"another scheme": {[]string{"Basic YTpi"}, "", problem.TokenMissing},
		"two tokens":     {[]string{"Bearer a b"}, "", problem.TokenInvalid},
		"two in a list":  {[]string{"Bearer a,Bearer b"}, "", problem.TokenInvalid},
		"two headers":    {[]string{"Bearer a", "Bearer b"}, "", problem.TokenInvalid},
		"tab in a token": {[]string{"Bearer a\tb"}, "", problem.TokenInvalid},
	} {
		r := httptest.NewRequest(http.MethodGet, "/?access_token=query&token=query", nil)
		for _, h := range tt.headers {
			r.Header.Add("Authorization", h)
		}
		token, err := Bearer(r)
		if token != tt.token || code(err) != tt.want {
			t.Errorf("%s: %q and code %q, want %q and %q", name, token, code(err), tt.token, tt.want)
		}
	}
}
