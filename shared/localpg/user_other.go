//go:build !linux

package localpg

import (
	"errors"
	"os"
	"os/exec"
)

type identity struct{}

func newIdentity() (identity, error) {
	if os.Geteuid() == 0 {
		return identity{}, errors.New("PostgreSQL refuses to run as root: run as an ordinary user")
	}
	return identity{}, nil
}

func (identity) apply(*exec.Cmd) {}

func (identity) own(string) error { return nil }
