package console

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/health"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/roster"
	"github.com/vegascore/vegascore/shared/web"
)

//go:embed page
var files embed.FS

// policy is the page's Content-Security-Policy: everything from here.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const (
	// Every is how old what is shown may be before it is looked up again.
	Every = time.Second
	// lookTime bounds one look; what did not answer by then is shown as such.
	lookTime = 3 * time.Second
	// minToken is the shortest token, in bytes.
	minToken = 16
)

// Database is what the console reads from.
type Database interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Service is a service's answer to /health, or why there is none.
type Service struct {
	URL      string          `json:"url"`
	TookMS   int64           `json:"took_ms"`
	Document health.Document `json:"document"`
	Error    string          `json:"error,omitempty"`
}

// Options of New. All but Token must be set.
type Options struct {
	Database Database
	Services func(ctx context.Context) []Service // asks all services at once
	// Containers lists those that run now.
	Containers func(ctx context.Context) ([]roster.Card, error)
	Swept      func() any // the result of the last sweep of this process, or nil
	Token      string     // of operators; without one nobody sees figures
	Logger     *slog.Logger
}

// Console serves the page and its figures. It may be used by many goroutines.
type Console struct {
	options Options
	token   [sha256.Size]byte

	mu    sync.Mutex // held during a look: others wait for it and share what it saw
	state *State
	at    time.Time
}

// New returns a console. A token that could be guessed is refused.
func New(o Options) (*Console, error) {
	if o.Token != "" && len(o.Token) < minToken {
		return nil, fmt.Errorf("console token has %d bytes: must have %d or more", len(o.Token), minToken)
	}
	return &Console{options: o, token: sha256.Sum256([]byte(o.Token))}, nil
}

// Handler serves the page under /console/ and its figures, as JSON, under
// /console/state.
func (c *Console) Handler() http.Handler {
	static, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	mux := http.NewServeMux()
	mux.Handle("GET /console/", http.StripPrefix("/console/", http.FileServerFS(static)))
	mux.Handle("GET /console/state", web.Handle(c.serveState))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

func (c *Console) serveState(w http.ResponseWriter, r *http.Request) error {
	shown, err := auth.Bearer(r)
	if err != nil {
		return err
	}
	if got := sha256.Sum256([]byte(shown)); c.options.Token == "" || subtle.ConstantTimeCompare(got[:], c.token[:]) != 1 {
		return problem.Of(problem.TokenInvalid, "This is not the console's token.")
	}
	state, err := c.look(r.Context())
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, state)
}

// look returns what was seen less than Every ago.
func (c *Console) look(ctx context.Context) (*State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != nil && time.Since(c.at) < Every {
		return c.state, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(problem.Of(problem.Unavailable, "Too many are looking."), err)
	}
	// The next ones wait for this look too, so it does not end with who began it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	c.state = c.gather(ctx)
	c.at = time.Now()
	return c.state, nil
}
