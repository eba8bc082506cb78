package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type part struct {
	URL string `env:"REDIS_URL"`
}

type whole struct {
	Port int           `env:"PORT" envDefault:"8080"`
	TTL  time.Duration `env:"TTL" envDefault:"1h"`
	Part part
}

func read(variables map[string]string) (whole, error) {
	var w whole
	err := Read(func(name string) string { return variables[name] }, &w)
	return w, err
}

func TestReadTakesDefaultsForWhatIsEmpty(t *testing.T) {
	t.Parallel()
	got, err := read(map[string]string{"PORT": "", "REDIS_URL": "redis://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	want := whole{Port: 8080, TTL: time.Hour, Part: part{URL: "redis://localhost"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadNamesEveryWrongValue(t *testing.T) {
	t.Parallel()
	_, err := read(map[string]string{"PORT": "eighty", "TTL": "soon"})
	if err == nil || !strings.Contains(err.Error(), "Port") || !strings.Contains(err.Error(), "TTL") {
		t.Errorf("got %v, want an error that names both", err)
	}
}
