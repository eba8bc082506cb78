package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// cupTime is how long a tournament of this machine runs.
const cupTime = 30 * time.Minute

// holdTournament sees to it that a tournament runs in the private database, with the rights
// of an operator. Each start makes one when none has five minutes left.
func (s *Stack) holdTournament(ctx context.Context) error {
	if s.postgres == nil {
		return nil
	}
	conn, err := pgx.Connect(ctx, s.vars.directURL)
	if err != nil {
		return fmt.Errorf("hold a tournament: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	const hold = `SELECT tournament_create('Half-hour cup', '{dice,slots,plinko,mines,blackjack}', 'multiplier', 500,
			now(), now() + make_interval(secs => $1), least_players => 1, smallest_stake => 10, settle_after => '30 s')
		WHERE NOT EXISTS (SELECT FROM tournaments WHERE state = 'open' AND ends_at > now() + interval '5 minutes')`
	if _, err := conn.Exec(ctx, hold, cupTime.Seconds()); err != nil {
		return fmt.Errorf("hold a tournament: %w", err)
	}
	return nil
}
