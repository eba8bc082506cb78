// Package board is the first consumer of the facts: it keeps the leaderboards of the day
// and of the week.
package board

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/services/events/internal/inbox"
	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/leaderboard"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

// Consumer is the name of this consumer among the handled events.
const Consumer = "leaderboard"

const maxName = 64 // characters, as in the table of players

// Types are the facts that the board is made of.
func Types() map[string]inbox.Prepare {
	return map[string]inbox.Prepare{event.TypeRoundSettled: settled}
}

func settled(e event.Event) (inbox.Effect, error) {
	round, err := read(e.Data)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx pgx.Tx) error {
		// Whether the round was new does not matter: a fact in another envelope counts no more.
		_, err := leaderboard.Apply(ctx, tx, round)
		return poisoned(err)
	}, nil
}

// read decodes a settled round. Members that it does not know are left out, for
// facts grow; what it needs must be there and make sense.
func read(data []byte) (event.RoundSettled, error) {
	var fact struct {
		event.RoundSettled
		Payout *money.Amount `json:"payout"` // 0 is a lost round, so it must be seen whether it is there
	}
	if err := json.Unmarshal(data, &fact); err != nil {
		return fact.RoundSettled, problem.Of(problem.BadJSON, "The data is no settled round.").Because(err)
	}
	round := fact.RoundSettled
	var wrong string
	switch {
	case round.Round == uuid.Nil:
		wrong = "round"
	case round.Player == uuid.Nil:
		wrong = "player"
	case round.Name == "" || utf8.RuneCountInString(round.Name) > maxName:
		wrong = "name"
	case !round.Asset.Valid():
		wrong = "asset"
	case round.Stake <= 0:
		wrong = "stake"
	case round.Staked != 0 && round.Staked < round.Stake:
		wrong = "staked"
	case fact.Payout == nil || *fact.Payout < 0:
		wrong = "payout"
	case round.SettledAt.IsZero():
		wrong = "settled_at"
	default:
		round.Payout = *fact.Payout
		return round, nil
	}
	return round, problem.Of(problem.ParamsInvalid, "The member %q of the settled round is missing or out of range.", wrong)
}

// poisoned tells a fact that the schema refuses, such as one whose amount does not
// fit into the sum, from trouble that passes: SQLSTATE classes 22 (data exception)
// and 23 (integrity).
func poisoned(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && len(pg.Code) == 5 && (pg.Code[:2] == "22" || pg.Code[:2] == "23") {
		return problem.Of(problem.ParamsInvalid, "The settled round does not fit on the board.").Because(fmt.Errorf("apply: %w", err))
	}
	return err
}
