// Package problem is the one way in which this platform says no to a caller:
// an error with a stable code and a text that is fit for the caller's eyes.
//
// Over HTTP it is a problem document (RFC 9457, application/problem+json), which
// web.WriteProblem sends; over a socket the same code and detail travel in an ack.
// What went wrong inside (SQL, hosts, stacks) stays in the wrapped error, for logs
// alone.
package problem

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"
)

// Problem is an error that may be shown to a caller. Values are not changed
// after New, so they may be shared between goroutines.
type Problem struct {
	Type       string        // URI of the kind of problem: see Code.URI
	Title      string        // short, the same for every problem of this kind; "" outside the catalogue
	Status     int           // HTTP status
	Code       Code          // stable name, for programs
	Detail     string        // one sentence about this occurrence, for people
	Instance   string        // URI of this occurrence, empty when there is none
	RetryAfter time.Duration // sent as the Retry-After header, not in the body; 0 means none

	// Members are more members of the document (RFC 9457, section 3.2), for programs;
	// nil when there are none. UnmarshalJSON leaves them out.
	Members map[string]any

	cause error
}

// New returns a problem. A status of 0 stands for the code's own status.
// Every 503 and 429 asks for a retry after one second: see After to change it.
func New(status int, code Code, detail string) *Problem {
	if status == 0 {
		status = code.Status()
	}
	p := &Problem{Type: code.URI(), Status: status, Code: code, Title: byCode[code].Title, Detail: detail}
	if status == 503 || status == 429 {
		p.RetryAfter = time.Second
	}
	return p
}

// Of returns a problem with the code's own status and a formatted detail. The
// arguments are shown to the caller: pass nothing internal.
func Of(code Code, format string, args ...any) *Problem {
	return New(0, code, fmt.Sprintf(format, args...))
}

// After returns a copy that asks the caller to wait d before the next try.
func (p *Problem) After(d time.Duration) *Problem {
	c := *p
	c.RetryAfter = d
	return &c
}

// With returns a copy whose document has one more member. The value is shown to the
// caller and must be of a type that encodes to JSON.
func (p *Problem) With(name string, value any) *Problem {
	c := *p
	c.Members = maps.Clone(p.Members)
	if c.Members == nil {
		c.Members = make(map[string]any)
	}
	c.Members[name] = value
	return &c
}

// Because returns a copy that remembers the internal reason. It shows up in
// Error and in errors.Is and As, never in a reply.
func (p *Problem) Because(err error) *Problem {
	c := *p
	c.cause = err
	return &c
}

// Error returns the text for logs, with the internal reason if there is one.
func (p *Problem) Error() string {
	s := string(p.Code)
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	if p.cause != nil {
		s += ": " + p.cause.Error()
	}
	return s
}

// Unwrap returns the internal reason.
func (p *Problem) Unwrap() error { return p.cause }

// Is reports whether target is a problem with the same code, so that
// errors.Is(err, problem.New(0, problem.NotFound, "")) works.
func (p *Problem) Is(target error) bool {
	t, ok := target.(*Problem)
	return ok && t.Code == p.Code
}

// internalDetail is all that a caller learns about an error that is no problem.
const internalDetail = "The server could not answer this request."

// From returns the problem in err's tree. An expired deadline becomes 503
// unavailable, any other error 500 internal with a fixed text; both keep err as
// the reason. From(nil) is nil.
func From(err error) *Problem {
	var p *Problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return p
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Of(Unavailable, "The server could not answer in time.").Because(err)
	default:
		return Of(Internal, internalDetail).Because(err)
	}
}
