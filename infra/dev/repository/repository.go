// Package repository finds the checkout that a developer's command works on.
package repository

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Root is the top of the repository: the current folder, or the first above it with a
// go.work.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the repository: no go.work here or above")
		}
		dir = parent
	}
}
