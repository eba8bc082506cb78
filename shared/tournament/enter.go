package tournament

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// Transactor runs a function in a transaction, as *postgres.DB does.
type Transactor interface {
	InTx(ctx context.Context, fn func(pgx.Tx) error) error
}

// Request is a player's wish to enter. Key is an idempotency key of the player's, in the
// form that the schema takes; Traceparent may be empty.
type Request struct {
	Tournament, Player uuid.UUID
	Key                string
	Traceparent        string

	// Maxima are the house's own limits as the setting play.maxima has them, empty when there
	// are none. Refuse makes a problem of the reason for which a player may not stake the fee,
	// a text of the SQL function play_refusal.
	Maxima string
	Refuse func(reason string) error
}

// Answer is what the player gets: a JSON body, the same bytes each time.
type Answer struct {
	Body     []byte
	Replayed bool // an earlier request under the key made the entry
}

// Enter takes the fee and makes the entry. Errors are problems, or come from the database
// as postgres.Problem leaves them; after one nothing was taken, or the same key tells.
func Enter(ctx context.Context, db Transactor, r Request) (answer Answer, err error) {
	err = db.InTx(ctx, func(tx pgx.Tx) error {
		answer, err = r.enter(ctx, tx)
		return err
	})
	if err != nil {
		return Answer{}, fmt.Errorf("enter tournament %s: %w", r.Tournament, postgres.Problem(err))
	}
	return answer, nil
}

// entered is an entry in the answer to its request.
type entered struct {
	Tournament uuid.UUID    `json:"tournament"`
	Fee        money.Amount `json:"fee"`
	EnteredAt  time.Time    `json:"entered_at"`
}

// terms is what an entry needs to know of its tournament.
type terms struct {
	asset money.Asset
	fee   money.Amount
	pool  uuid.UUID
	takes bool // entries, now
	late  bool
	now   time.Time
}

// enter locks the tournament, so that it is not settled or called off meanwhile, and then
// the account, so that the key and the balance are looked up after whoever had it before.
func (r Request) enter(ctx context.Context, tx pgx.Tx) (Answer, error) {
	t, err := r.terms(ctx, tx)
	if err != nil {
		return Answer{}, err
	}
	held, err := ledger.Lock(ctx, tx, []uuid.UUID{r.Player}, t.asset)
	if err != nil {
		return Answer{}, err
	}
	if len(held) == 0 {
		return Answer{}, problem.Of(problem.TokenInvalid, "The player of this token does not exist here.")
	}
	if known, err := r.known(ctx, tx); known.Body != nil || err != nil {
		return known, err
	}
	switch {
	case !t.takes && t.late:
		return Answer{}, problem.Of(problem.TournamentClosed, "This tournament takes no entries any more.")
	case !t.takes:
		return Answer{}, problem.Of(problem.TournamentClosed, "This tournament takes no entries yet.")
	}
	if err := r.allowed(ctx, tx, t.fee); err != nil {
		return Answer{}, err
	}
	if held[0].Amount < t.fee {
		return Answer{}, problem.Of(problem.InsufficientFunds, "The balance is %d, the fee %d.", held[0].Amount, t.fee)
	}
	if err := ledger.Post(ctx, tx, t.asset, ledger.EntryOf(r.Tournament, held[0].Account, t.pool, t.fee)); err != nil {
		if errors.Is(err, ledger.ErrFrozen) {
			return Answer{}, problem.Of(problem.AccountFrozen, "The house is looking into this account.").Because(err)
		}
		return Answer{}, err
	}
	balance := held[0].Amount - t.fee
	body, err := json.Marshal(struct {
		Entry   entered      `json:"entry"`
		Balance money.Amount `json:"balance"`
	}{entered{r.Tournament, t.fee, t.now.UTC()}, balance})
	if err != nil {
		return Answer{}, fmt.Errorf("encode answer: %w", err)
	}
	const store = `INSERT INTO tournament_entries (tournament_id, player_id, key, answer, fee) VALUES ($1, $2, $3, $4, $5)`
	if _, err := tx.Exec(ctx, store, r.Tournament, r.Player, r.Key, string(body), int64(t.fee)); err != nil {
		return Answer{}, fmt.Errorf("store entry: %w", err)
	}
	row, err := balanceRow(r.Player, r.Tournament, balance, t.asset, r.Traceparent)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Body: body}, outbox.Add(ctx, tx, row)
}

func (r Request) terms(ctx context.Context, tx pgx.Tx) (t terms, err error) {
	err = tx.QueryRow(ctx, `SELECT asset::text, fee, pool, state = 'open' AND opens_at <= now() AND ends_at > now(), state <> 'open' OR ends_at <= now(), now()
		FROM tournaments WHERE id = $1 FOR SHARE`, r.Tournament).Scan((*string)(&t.asset), (*int64)(&t.fee), &t.pool, &t.takes, &t.late, &t.now)
	if none(err) {
		return t, NotFound()
	}
	if err != nil {
		return t, fmt.Errorf("read terms: %w", err)
	}
	return t, nil
}

// allowed asks what protects the player. A fee counts there as a stake does.
func (r Request) allowed(ctx context.Context, tx pgx.Tx, fee money.Amount) error {
	if r.Maxima != "" {
		if _, err := tx.Exec(ctx, `SELECT set_config('play.maxima', $1, true)`, r.Maxima); err != nil {
			return fmt.Errorf("set the house's limits: %w", err)
		}
	}
	var reason pgtype.Text
	if err := tx.QueryRow(ctx, `SELECT play_refusal($1, $2)::text`, r.Player, int64(fee)).Scan(&reason); err != nil {
		return fmt.Errorf("ask what protects the player: %w", err)
	}
	if reason.Valid {
		return r.Refuse(reason.String)
	}
	return nil
}

// known is the answer to a key that was used, or a refusal of a second entry.
func (r Request) known(ctx context.Context, tx pgx.Tx) (Answer, error) {
	var same bool
	var body string
	err := tx.QueryRow(ctx, `SELECT tournament_id = $3, answer FROM tournament_entries WHERE player_id = $1 AND key = $2`,
		r.Player, r.Key, r.Tournament).Scan(&same, &body)
	switch {
	case err == nil && same:
		return Answer{Body: []byte(body), Replayed: true}, nil
	case err == nil:
		return Answer{}, problem.Of(problem.KeyReused, "This key was used for another tournament.")
	case !none(err):
		return Answer{}, fmt.Errorf("look up key: %w", err)
	}
	var there bool
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM tournament_entries WHERE tournament_id = $1 AND player_id = $2)`, r.Tournament, r.Player).Scan(&there)
	if err != nil {
		return Answer{}, fmt.Errorf("look for an entry: %w", err)
	}
	if there {
		return Answer{}, problem.Of(problem.AlreadyEntered, "You have entered this tournament.")
	}
	return Answer{}, nil
}

// balanceRow tells the player's sockets the new balance.
func balanceRow(player, tournament uuid.UUID, balance money.Amount, asset money.Asset, traceparent string) (outbox.Row, error) {
	id := uuid.Must(uuid.NewV7())
	body, err := json.Marshal([]any{struct {
		Balance     money.Amount `json:"balance"`
		Asset       money.Asset  `json:"asset"`
		Tournament  uuid.UUID    `json:"tournament"`
		EventID     uuid.UUID    `json:"event_id"`
		Traceparent string       `json:"traceparent"`
	}{balance, asset, tournament, id, traceparent}})
	if err != nil {
		return outbox.Row{}, fmt.Errorf("encode balance: %w", err)
	}
	return outbox.Row{EventID: id, Sink: outbox.Room, Key: "player:" + player.String(), Type: "balance", Body: body, Traceparent: traceparent}, nil
}
