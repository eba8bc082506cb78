// Package api is what players call over HTTP: one function value per path, each
// complete in itself, so that it can be served alone under the functions framework or
// with the others behind one mux. What a function does is in the package that it
// calls; here requests become calls and results become JSON.
package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/services/actions/internal/play"
	"github.com/vegascore/vegascore/services/actions/internal/tables"
	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/web"
)

// API holds what the functions need. All fields must be set, but for Callers.
type API struct {
	DB       *postgres.DB
	Desk     Desk
	Floor    Floor
	Signer   *auth.Signer
	Verifier *auth.Verifier
	Callers  Callers       // nil: no service may call
	TokenTTL time.Duration // life of a guest's token
	Maxima   string        // the house's own limits, as protection.Maxima sets them; empty: none
	Wake     func()        // called after a commit that has left rows in the outbox; does not block
}

// Desk takes bets and actions, as *play.Desk does.
type Desk interface {
	Place(ctx context.Context, bet *play.Bet) (play.Answer, error)
	Act(ctx context.Context, step *play.Step) (play.Answer, error)
	Finish(ctx context.Context, idle time.Duration, after uuid.UUID, most int, failed func(uuid.UUID, error)) (play.Finished, error)
}

// Floor moves the shared tables on and tells where they stand, as *tables.Floor does.
type Floor interface {
	Advance(ctx context.Context, table games.Table, fence int64) (tables.Standing, error)
	List() ([]tables.Table, error)
	Look(ctx context.Context, table games.Table) (tables.View, error)
}

// Callers decides whether a request is one of our own services', as *auth.PushVerifier
// does.
type Callers interface {
	Verify(ctx context.Context, r *http.Request) error
}

// Function is a function value with its name under the functions framework and its
// path behind the mux.
type Function struct {
	Name string
	Path string // a pattern of http.ServeMux without method, with one wildcard of one segment at most
	methods
}

// Methods returns the methods that the function has, sorted, without HEAD.
func (f Function) Methods() []string { return slices.Sorted(maps.Keys(f.methods)) }

// Alone is the function for a process that has no other: it answers at every path, as it
// does under the functions framework. A wildcard of Path is what stands in its place in
// the full path, and anywhere else the last segment, so that "/v1/rounds/7/actions",
// "/7/actions" and "/7" mean the same.
func (f Function) Alone() http.Handler {
	_, rest, found := strings.Cut(f.Path, "{")
	if !found {
		return f
	}
	name, after, _ := strings.Cut(rest, "}")
	mux := http.NewServeMux()
	mux.Handle(f.Path, f)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		at := strings.TrimSuffix(r.URL.Path, after)
		r.SetPathValue(name, at[strings.LastIndexByte(at, '/')+1:])
		f.ServeHTTP(w, r)
	})
	return mux
}

// Functions returns all functions. They may be called concurrently.
func (a *API) Functions() []Function {
	return []Function{
		{"guests", "/v1/guests", methods{http.MethodPost: a.createGuest}},
		{"me", "/v1/me", methods{http.MethodGet: a.me}},
		{"seeds", "/v1/me/seeds", methods{http.MethodGet: a.seeds, http.MethodPost: a.rotateSeeds}},
		{"limits", "/v1/me/limits", methods{http.MethodGet: a.limits, http.MethodPut: a.setLimits}},
		{"time-out", "/v1/me/time_out", methods{http.MethodPost: a.timeOut}},
		{"self-exclusion", "/v1/me/self_exclusion", methods{http.MethodPost: a.exclude, http.MethodDelete: a.endExclusion}},
		{"activity", "/v1/me/activity", methods{http.MethodGet: a.activity}},
		{"bets", "/v1/bets", methods{http.MethodPost: a.placeBet}},
		{"rounds", "/v1/rounds", methods{http.MethodGet: a.rounds}},
		{"round", "/v1/rounds/{id}", methods{http.MethodGet: a.round}},
		{"round-bundle", "/v1/rounds/{id}/bundle", methods{http.MethodGet: a.bundle}},
		{"round-actions", "/v1/rounds/{id}/actions", methods{http.MethodPost: a.act}},
		{"rounds-finish", "/v1/rounds/finish", methods{http.MethodPost: a.finish}},
		{"games", "/v1/games", methods{http.MethodGet: a.games}},
		{"tables", "/v1/tables", methods{http.MethodGet: a.tables}},
		{"table", "/v1/tables/{id}", methods{http.MethodGet: a.table}},
		{"table-advance", "/v1/tables/{id}/advance", methods{http.MethodPost: a.advance}},
		{"jackpot", "/v1/jackpot", methods{http.MethodGet: a.jackpot}},
		{"leaderboard", "/v1/leaderboard", methods{http.MethodGet: a.leaderboard}},
		{"tournaments", "/v1/tournaments", methods{http.MethodGet: a.tournaments}},
		{"tournament", "/v1/tournaments/{id}", methods{http.MethodGet: a.tournament}},
		{"tournament-entries", "/v1/tournaments/{id}/entries", methods{http.MethodPost: a.enter}},
		{"openapi", "/v1/openapi.json", methods{http.MethodGet: a.openapi}},
		{"docs", "/v1/docs", methods{http.MethodGet: a.docs}},
		{"problems", "/v1/problems", methods{http.MethodGet: a.problems}},
		{"problem", "/v1/problems/{code}", methods{http.MethodGet: a.problem}},
	}
}

// methods answers each method of a path. HEAD is GET without a body, which net/http
// leaves out.
type methods map[string]web.HandlerFunc

// ServeHTTP implements http.Handler.
func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.Method
	if name == http.MethodHead {
		name = http.MethodGet
	}
	if handle, ok := m[name]; ok {
		handle.ServeHTTP(w, r)
		return
	}
	allowed := slices.Sorted(maps.Keys(m))
	if _, ok := m[http.MethodGet]; ok {
		allowed = slices.Insert(allowed, slices.Index(allowed, http.MethodGet)+1, http.MethodHead)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	web.WriteProblem(w, r, problem.Of(problem.MethodNotAllowed, "This path does not have this method."))
}

// player is who sent the request, by its token.
func (a *API) player(r *http.Request) (auth.Claims, error) {
	token, err := auth.Bearer(r)
	if err != nil {
		return auth.Claims{}, err
	}
	return a.Verifier.Verify(token)
}

// service returns the problem of a request that is none of our own services'.
func (a *API) service(r *http.Request) error {
	if a.Callers == nil {
		return problem.Of(problem.Forbidden, "No service may call this here.")
	}
	return a.Callers.Verify(r.Context(), r)
}

// stranger is the answer to a good token whose player this database does not have.
func stranger(cause error) error {
	return problem.Of(problem.TokenInvalid, "The player of this token does not exist here.").Because(cause)
}
