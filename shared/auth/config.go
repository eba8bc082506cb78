package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
)

// Config says where the keys of player tokens come from. The files are for
// secrets that a platform mounts; a value wins over a file. A service that only
// checks tokens needs the public keys alone.
type Config struct {
	SigningKey     string `env:"TOKEN_SIGNING_KEY" json:"-"`
	SigningKeyFile string `env:"TOKEN_SIGNING_KEY_FILE" json:"signing_key_file,omitempty"`
	Keys           string `env:"TOKEN_KEYS" json:"keys,omitempty"`
	KeysFile       string `env:"TOKEN_KEYS_FILE" json:"keys_file,omitempty"`
}

// Signer returns the signer of the configured key, or an error that names the
// variables.
func (c Config) Signer() (*Signer, error) {
	data, err := read(c.SigningKey, c.SigningKeyFile, "TOKEN_SIGNING_KEY")
	if err != nil {
		return nil, err
	}
	return NewSigner(data)
}

// Verifier returns the verifier of the configured public keys. Without any, the
// public half of the signing key is used, if that is configured.
func (c Config) Verifier() (*Verifier, error) {
	data, err := read(c.Keys, c.KeysFile, "TOKEN_KEYS")
	if errors.Is(err, errNotSet) && c.SigningKey+c.SigningKeyFile != "" {
		s, err := c.Signer()
		if err != nil {
			return nil, err
		}
		return s.Verifier(), nil
	}
	if err != nil {
		return nil, err
	}
	return NewVerifier(data)
}

// LogValue keeps the signing key out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String says which sources are set, without their content. It serves the %v
// and %+v verbs too.
func (c Config) String() string {
	return fmt.Sprintf("auth.Config{signing key: %s, keys: %s}", source(c.SigningKey, c.SigningKeyFile), source(c.Keys, c.KeysFile))
}

// GoString serves the %#v verb.
func (c Config) GoString() string { return c.String() }

var errNotSet = errors.New("not set")

func read(value, file, name string) ([]byte, error) {
	switch {
	case value != "":
		return []byte(value), nil
	case file != "":
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read %s_FILE: %w", name, err)
		}
		return data, nil
	default:
		return nil, fmt.Errorf("%s or %s_FILE: %w", name, name, errNotSet)
	}
}

func source(value, file string) string {
	switch {
	case value != "":
		return "from the environment"
	case file != "":
		return "from file " + file
	default:
		return "none"
	}
}
