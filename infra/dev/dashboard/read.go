package dashboard

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Board is a dashboard.
type Board struct {
	Title  string  `json:"title"`
	Panels []Panel `json:"panels"`
}

// Panel is one of its boxes. Its place is in Grafana's units: 24 columns, and rows of 30
// pixels.
type Panel struct {
	Type  string `json:"type"` // row, stat or timeseries
	Title string `json:"title"`
	Place struct {
		X, Y, W, H int
	} `json:"gridPos"`
	Targets []Target `json:"targets"`
	Field   struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
}

// Target is an expression of a panel, and how its series are called: {{label}} stands
// for the value of a label.
type Target struct {
	Expr   string `json:"expr"`
	Legend string `json:"legendFormat"`
}

// Read reads a dashboard's JSON.
func Read(text []byte) (Board, error) {
	var b Board
	if err := json.Unmarshal(text, &b); err != nil {
		return b, fmt.Errorf("read the dashboard: %w", err)
	}
	for _, p := range b.Panels {
		switch p.Type {
		case "row", "stat", "timeseries":
		default:
			return b, fmt.Errorf("read the dashboard: panel %q has type %q", p.Title, p.Type)
		}
	}
	return b, nil
}

var placeholder = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// name is what a series is called.
func (t Target) name(labels map[string]string) string {
	return strings.TrimSpace(placeholder.ReplaceAllStringFunc(t.Legend, func(p string) string {
		return labels[placeholder.FindStringSubmatch(p)[1]]
	}))
}
