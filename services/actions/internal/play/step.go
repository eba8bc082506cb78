package play

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/services/actions/internal/protection"
	"github.com/vegascore/vegascore/shared/ledger"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/outbox"
	"github.com/vegascore/vegascore/shared/postgres"
	"github.com/vegascore/vegascore/shared/problem"
)

// Step is a player's action on an open round: the body of POST /v1/rounds/{id}/actions.
// Whether the round takes it is found when it is played.
type Step struct {
	player      Player
	key         string
	round       uuid.UUID
	action      json.RawMessage
	idle        bool // for a player who stays away: the game chooses the action
	traceparent string
	answer      []byte // of the last attempt that may have been committed
}

// NewStep checks the form of the key. traceparent may be empty.
func NewStep(player Player, key string, round uuid.UUID, action json.RawMessage, traceparent string) (*Step, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	return &Step{player: player, key: key, round: round, action: action, traceparent: traceparent}, nil
}

// digest is the same for two requests that mean the same: the round in 16 bytes and what
// the player asks for in its canonical form. It is stored with steps, so it never changes.
func digest(round uuid.UUID, asked json.RawMessage) [sha256.Size]byte {
	return sha256.Sum256(append(round[:], asked...))
}

// Act plays an action and returns once what came of it is committed. Errors are
// problems, or come from the database as postgres.Problem leaves them.
func (d *Desk) Act(ctx context.Context, s *Step) (Answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeLimit)
	defer cancel()
	done, err := d.turns.take(ctx, s.player.ID)
	if err != nil {
		return Answer{}, err
	}
	defer done()
	ctx, span := tracer().Start(ctx, "play action")
	defer span.End()
	var r result
	err = insist(ctx, func() (err error) {
		r, err = d.step(ctx, s)
		return err
	})
	if err != nil {
		return Answer{}, fmt.Errorf("play action on round %s: %w", s.round, postgres.Problem(err))
	}
	d.count(r.over, nil)
	return r.answer, r.err
}

// step is one transaction.
func (d *Desk) step(ctx context.Context, s *Step) (result, error) {
	conn, err := d.db.Acquire(ctx)
	if err != nil {
		return result{}, fmt.Errorf("acquire connection: %w", err)
	}
	defer conn.Release()
	defer rollback(ctx, conn.Conn())

	c, err := claimStep(ctx, conn.Conn(), d.opening(), s)
	if err != nil {
		return result{}, err
	}
	switch c.verdict {
	case isNew:
	case isReplay:
		return s.replayed(c)
	case isFrozen:
		return result{err: problem.Of(problem.AccountFrozen, "The house is looking into this account.")}, nil
	case notFound:
		return result{err: NotFound()}, nil
	default:
		return result{}, fmt.Errorf("claim action: verdict %q", c.verdict)
	}
	m, err := s.play(c)
	if refusal, ok := errors.AsType[*problem.Problem](err); ok {
		return result{err: refusal}, nil
	}
	if err != nil {
		return result{}, err
	}
	s.answer = m.answer
	err = settleStep(ctx, conn.Conn(), m)
	if refusal, ok := protection.Refused(err); ok {
		return result{err: refusal}, nil
	}
	if err != nil {
		return result{}, err
	}
	d.wake()
	return result{answer: Answer{Body: m.answer}, over: ended(m.public)}, nil
}

// replayed answers a step whose key has one.
func (s *Step) replayed(c *stepClaim) (result, error) {
	reused := result{err: problem.Of(problem.KeyReused, "This key was used for another request.")}
	if c.round != s.round {
		return reused, nil
	}
	if s.idle { // of an attempt before
		return result{answer: Answer{Body: []byte(c.answer)}, over: endedBy(c.answer)}, nil
	}
	game, err := s.game(c)
	if err != nil {
		return result{}, err
	}
	wish, err := game.Wish(s.action)
	if refusal, ok := errors.AsType[*problem.Problem](err); ok {
		return result{err: refusal}, nil
	}
	if err != nil {
		return result{}, err
	}
	if hash := digest(s.round, wish.Text); !bytes.Equal(c.hash, hash[:]) {
		return reused, nil
	}
	if s.answer != nil && c.answer == string(s.answer) { // it was committed unnoticed
		return result{answer: Answer{Body: s.answer}, over: endedBy(c.answer)}, nil
	}
	return result{answer: Answer{Body: []byte(c.answer), Replayed: true}}, nil
}

// game is the rules of the claimed round.
func (s *Step) game(c *stepClaim) (games.Game, error) {
	game, err := games.Version(c.rules)
	if err != nil { // this release does not have them
		return games.Game{}, fmt.Errorf("rules %q: %w", c.rules, problem.Of(problem.Unavailable, "This game is not played here now."))
	}
	return game, nil
}

// errNothing says that a round may be void: nothing has happened in it.
var errNothing = errors.New("nothing has happened in the round")

// choose is the action, which for a player who stays away depends on the round, and what
// was asked for.
func (s *Step) choose(game games.Game, before games.Round, lockedMS int64) (action games.Action, asked json.RawMessage, err error) {
	if !s.idle {
		wish, err := game.Wish(s.action)
		if err != nil {
			return games.Action{}, nil, err
		}
		action, err = wish.At(lockedMS)
		return action, wish.Text, err
	}
	action, ok, err := before.Idle()
	if err == nil && !ok {
		err = errNothing
	}
	return action, action.Text, err
}

// made is everything that settleStep stores of one step.
type made struct {
	step      *Step
	claim     *stepClaim
	n         int
	hash      [sha256.Size]byte
	action    games.Action
	cost      money.Amount
	public    Round
	answer    []byte
	transfers []ledger.Transfer
	events    []outbox.Row
}

// play plays the round again to where it stands, and the action on it. It does no I/O and
// depends on its arguments alone, but for the ids that it makes.
func (s *Step) play(c *stepClaim) (*made, error) {
	game, err := s.game(c)
	if err != nil {
		return nil, err
	}
	if !s.idle { // what cannot be read is said before what is over
		if _, err := game.Wish(s.action); err != nil {
			return nil, err
		}
	}
	switch {
	case c.state != underWay:
		return nil, problem.Of(problem.RoundOver, "This round is over.")
	case game.Timed() && c.tableState == "open":
		return nil, problem.Of(problem.ActionRefused, "The table's round has not begun.")
	case game.Timed() && c.tableState != "locked":
		return nil, problem.Of(problem.ActionRefused, "The table's round is over.")
	}
	draws := game.Draws(c.serverSeed, c.clientSeed, c.nonce)
	before, err := game.Replay(c.params, c.actions, draws)
	if err != nil {
		// A stored action that the rules refuse is the house's fault, not a problem of the
		// player's: it is not wrapped.
		return nil, fmt.Errorf("replay round %s: %s", s.round, err.Error())
	}
	action, asked, err := s.choose(game, before, c.lockedMS)
	if err != nil {
		return nil, err
	}
	after, err := before.Act(action, draws)
	if err != nil {
		return nil, err
	}
	m := &made{step: s, claim: c, n: len(c.actions) + 1, hash: digest(s.round, asked), action: action}
	if m.cost, err = after.Cost(c.stake, before.Staked); err != nil {
		return nil, err
	}
	if m.cost > c.balance {
		return nil, problem.Of(problem.InsufficientFunds, "The balance is %d; this costs %d.", c.balance, m.cost)
	}
	m.public = Round{
		ID: s.round, Game: game.Name, Table: c.table, State: underWay, Stake: c.stake, Staked: c.staked + m.cost,
		View: after.View, Nonce: c.nonce, ClientSeed: c.clientSeed, ServerSeedHash: c.serverHash, Rules: game.Rules,
	}
	return m, m.move(after)
}

// move makes the transfers, the answer and the events of a step.
func (m *made) move(after games.Round) (err error) {
	s, c := m.step, m.claim
	if m.cost > 0 {
		m.transfers = append(m.transfers, ledger.HoldOf(s.round, c.account, m.cost))
	}
	if after.Over {
		if err := m.public.end(after); err != nil {
			return err
		}
		m.transfers = append(m.transfers, ledger.StakeHeld(s.round, m.public.Staked))
	}
	if m.public.Payout > 0 {
		m.transfers = append(m.transfers, ledger.PayoutOf(s.round, c.account, m.public.Payout))
	}
	balance, err := money.Sum(c.balance, -m.cost, m.public.Payout)
	if err != nil {
		return err
	}
	if m.answer, err = encodeAnswer(m.public, balance); err != nil {
		return err
	}
	to := told{player: s.player, asset: c.asset, at: c.at.UTC(), traceparent: s.traceparent}
	room := roomOf(s.player) // the player's other screens follow; the table sees the end
	if after.Over {
		room = everybody(c.table)
	}
	m.events, err = to.events(room, m.public, balance, balance != c.balance)
	return err
}
