package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Source is a Prometheus and the time to look at.
type Source struct {
	URL      string // of its HTTP API, without a path
	From, To time.Time
}

// series is one line: a value for each step, NaN where there is none.
type series struct {
	name   string
	values []float64
}

const (
	steps    = 120  // points of a line
	interval = "1m" // Grafana's $__rate_interval, for a scrape every 15 s at most
)

// ask returns the lines of a target.
func (s Source) ask(ctx context.Context, t Target) ([]series, error) {
	step := s.To.Sub(s.From) / steps
	query := url.Values{
		"query": {strings.ReplaceAll(t.Expr, "$__rate_interval", interval)},
		"start": {strconv.FormatInt(s.From.Unix(), 10)}, "end": {strconv.FormatInt(s.To.Unix(), 10)},
		"step": {strconv.FormatFloat(step.Seconds(), 'f', 3, 64)},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/v1/query_range?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", t.Expr, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", t.Expr, err)
	}
	defer func() { _ = answer.Body.Close() }()
	var body struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || body.Error != "" {
		return nil, fmt.Errorf("ask for %s: %s %w", t.Expr, body.Error, err)
	}
	var lines []series
	for _, r := range body.Data.Result {
		line := series{name: t.name(r.Metric), values: make([]float64, steps+1)}
		for i := range line.values {
			line.values[i] = math.NaN()
		}
		for _, v := range r.Values {
			at, _ := v[0].(float64)
			text, _ := v[1].(string)
			i := int(math.Round((at - float64(s.From.Unix())) / step.Seconds()))
			value, err := strconv.ParseFloat(text, 64)
			if err == nil && i >= 0 && i <= steps && !math.IsInf(value, 0) {
				line.values[i] = value
			}
		}
		lines = append(lines, line)
	}
	return lines, nil
}
