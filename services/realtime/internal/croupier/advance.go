package croupier

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/vegascore/vegascore/shared/telemetry"
)

const (
	maxAnswer = 1 << 20 // bytes
	// The pause before the next request, whatever the service says.
	soonest = 50 * time.Millisecond
	latest  = 10 * time.Second
)

// Result is what became of a request to advance a table.
type Result int

// The results.
const (
	Advanced    Result = iota
	Stale              // a newer leader was there
	Refused            // the service does not know the table, or not the caller
	Failed             // the service has trouble of its own
	Unreachable        // no answer in time
	Cut                // given up because the lease was lost or the container ends
	results
)

// String is the label of a metric.
func (r Result) String() string {
	return [...]string{"advanced", "stale", "refused", "failed", "unreachable", "cut"}[r]
}

// settled is the state of a round after which the next one is opened.
const settled = "settled"

// answer is that of a table that was advanced, or why it was not.
type answer struct {
	Round  string `json:"round"`
	Seq    int64  `json:"seq"`
	State  string `json:"state"`
	NextMS int64  `json:"next_ms"`

	Code  string `json:"code"`
	Fence int64  `json:"fence"`
}

// pause is the time until the next request.
func (a answer) pause() time.Duration {
	return min(max(time.Duration(min(a.NextMS, latest.Milliseconds()))*time.Millisecond, soonest), latest)
}

// advance asks the service to do what is due at a table. The error says why the result is
// not Advanced.
func (c *Croupier) advance(ctx context.Context, l *lease) (a answer, result Result, err error) {
	ctx, span := c.tracer.Start(ctx, "advance table", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("table", l.table), attribute.Int64("fence", l.fence)))
	defer func() {
		c.advances[result].Add(1)
		span.SetAttributes(attribute.String("result", result.String()), attribute.String("state", a.State), attribute.Int64("seq", a.Seq))
		if err != nil {
			span.SetStatus(codes.Error, result.String())
		}
		span.End()
	}()
	timed, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	status, text, err := c.post(timed, l)
	if err != nil {
		result = Unreachable
		if ctx.Err() != nil {
			result = Cut
		}
		return answer{}, result, fmt.Errorf("advance %s: %w", l.table, err)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		a = answer{}
	}
	switch {
	case status == http.StatusOK && (a.State == "open" || a.State == "locked" || a.State == settled):
		return a, Advanced, nil
	case status == http.StatusConflict && a.Code == "stale_fence":
		result = Stale
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusConflict:
		result = Refused
	default:
		result = Failed
	}
	return a, result, fmt.Errorf("advance %s: answered %d %q", l.table, status, a.Code)
}

func (c *Croupier) post(ctx context.Context, l *lease) (status int, text []byte, err error) {
	body, err := json.Marshal(map[string]int64{"fence": l.fence})
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.opts.URL+"/v1/tables/"+url.PathEscape(l.table)+"/advance", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if parent := telemetry.Traceparent(ctx); parent != "" {
		request.Header.Set("Traceparent", parent)
	}
	response, err := c.opts.Signed.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, text, err
}
