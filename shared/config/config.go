// Package config reads a deployable's configuration from its environment.
package config

import (
	"fmt"

	"github.com/caarlos0/env/v11"
)

// Read fills into, a pointer to a struct with env and envDefault tags, from the
// variables that getenv returns. A variable that is set to nothing counts as not
// set. All wrong values are named in one error, by their variables.
func Read(getenv func(string) string, into any) error {
	fields, err := env.GetFieldParams(into)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	set := map[string]string{}
	for _, field := range fields {
		if value := getenv(field.Key); value != "" {
			set[field.Key] = value
		}
	}
	if err := env.ParseWithOptions(into, env.Options{Environment: set}); err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	return nil
}
