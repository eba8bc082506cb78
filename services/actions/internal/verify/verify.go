package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/services/actions/internal/jackpot"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

// mostSteps bounds how far a chain is followed: some seconds of hashing.
const mostSteps = 10_000_000

// Report is what was found. The round is as the house says when every finding is OK.
type Report struct {
	OK       bool            `json:"ok"`
	Round    string          `json:"round"`
	Rules    string          `json:"rules"`
	Outcome  json.RawMessage `json:"outcome,omitempty"` // recomputed
	Staked   money.Amount    `json:"staked"`            // recomputed
	Payout   money.Amount    `json:"payout"`            // recomputed
	Jackpot  money.Amount    `json:"jackpot,omitempty"` // as the bundle says, of a round that has won it
	Findings []Finding       `json:"findings"`
}

// Finding is one check and, when it failed, why.
type Finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Why   string `json:"why,omitempty"`
}

// Check verifies a bundle. It returns an error only when the text is no bundle; all that
// is wrong in a bundle is in the report.
func Check(text []byte) (Report, error) {
	b, err := Read(text)
	if err != nil {
		return Report{}, err
	}
	r := Report{Round: b.Round, Rules: b.Rules}
	r.found("digest", b.whole())
	game, err := b.game()
	r.found("rules", err)
	draws, committed := b.draws()
	r.found("commitment", committed)
	if err == nil && draws != nil {
		r.replay(b, game, draws)
	}
	r.OK = !slices.ContainsFunc(r.Findings, func(f Finding) bool { return !f.OK })
	return r, nil
}

// found adds a finding; nil is a check that passed.
func (r *Report) found(check string, err error) {
	f := Finding{Check: check, OK: err == nil}
	if err != nil {
		f.Why = err.Error()
	}
	r.Findings = append(r.Findings, f)
}

// replay plays the round again and compares outcome and money.
func (r *Report) replay(b Bundle, game games.Game, draws fair.Draws) {
	postings, round, err := b.play(game, draws)
	if err != nil {
		r.found("outcome", err)
		return
	}
	r.Outcome = round.View
	r.found("outcome", differ("outcome", string(b.Outcome), string(round.View)))
	for _, p := range postings {
		switch p.Kind {
		case StakePosting:
			r.Staked += p.Amount
		case PayoutPosting:
			r.Payout += p.Amount
		case JackpotPosting:
			r.Jackpot += p.Amount
		}
	}
	r.found("money", errors.Join(
		differ("staked", b.Staked, r.Staked),
		differ("payout", b.Payout, r.Payout),
		differ("postings", fmt.Sprint(b.Postings), fmt.Sprint(postings)),
	))
}

// play replays the round and returns the postings that its steps ask for.
func (b Bundle) play(game games.Game, draws fair.Draws) ([]Posting, games.Round, error) {
	if b.Stake <= 0 || !b.Asset.Valid() {
		return nil, games.Round{}, fmt.Errorf("a stake of %d %q is none", b.Stake, b.Asset)
	}
	move, err := game.Read(b.Params)
	if err != nil {
		return nil, games.Round{}, fmt.Errorf("params: %w", stable(err))
	}
	if !bytes.Equal(move.Params, b.Params) {
		return nil, games.Round{}, errors.New("the params are not in canonical form")
	}
	round, err := move.Open(draws)
	if err != nil {
		return nil, games.Round{}, err
	}
	if round.Over && !game.Shared && len(b.Actions) == 0 {
		ended, err := b.end(round, b.Stake)
		return append(ended, b.jackpot()...), round, err
	}
	staked := b.Stake
	postings := append([]Posting{{HoldPosting, b.Stake}}, b.jackpot()...)
	for i, text := range b.Actions {
		after, err := step(game, round, text, draws)
		if err != nil {
			return nil, games.Round{}, fmt.Errorf("action %d: %w", i, err)
		}
		more, err := after.Cost(b.Stake, round.Staked)
		if err != nil {
			return nil, games.Round{}, fmt.Errorf("action %d: %w", i, err)
		}
		if more > 0 {
			postings = append(postings, Posting{HoldPosting, more})
		}
		if staked, err = staked.Add(more); err != nil {
			return nil, games.Round{}, fmt.Errorf("action %d: %w", i, err)
		}
		round = after
	}
	if !round.Over {
		return nil, games.Round{}, errors.New("the round is not over after its actions")
	}
	ended, err := b.end(round, staked)
	return append(postings, ended...), round, err
}

// end is what is posted when the round is over.
func (b Bundle) end(round games.Round, staked money.Amount) ([]Posting, error) {
	postings := []Posting{{StakePosting, staked}}
	payout, err := b.Stake.Times(round.Pays)
	if err != nil {
		return nil, err
	}
	if payout > 0 {
		postings = append(postings, Posting{PayoutPosting, payout})
	}
	return postings, nil
}

// jackpot is what the round must have put in. One that has won must have got that at least;
// how much there was besides, only the ledger knows.
func (b Bundle) jackpot() (postings []Posting) {
	more := jackpot.Contribution(b.Game, b.Stake)
	if more == 0 || b.Seeds == nil {
		return nil
	}
	postings = []Posting{{ContributionPosting, more}}
	if !jackpot.Won(b.Stake, b.Seeds.ServerSeed, b.Seeds.ClientSeed, b.Seeds.Nonce) {
		return postings
	}
	got := more
	for _, p := range b.Postings {
		if p.Kind == JackpotPosting {
			got = max(got, p.Amount)
		}
	}
	return append(postings, Posting{JackpotPosting, got})
}

func step(game games.Game, round games.Round, text json.RawMessage, draws fair.Draws) (games.Round, error) {
	action, err := game.Action(text)
	if err != nil {
		return games.Round{}, stable(err)
	}
	if !bytes.Equal(action.Text, text) {
		return games.Round{}, errors.New("it is not in canonical form")
	}
	return round.Act(action, draws)
}

// whole checks the digest.
func (b Bundle) whole() error {
	said := b.Digest
	b.Digest = ""
	text, err := encode(b)
	if err != nil {
		return err
	}
	return differ("digest", said, digest(text))
}

// game finds the rules that the bundle names, if they are still what it says.
func (b Bundle) game() (games.Game, error) {
	g, err := games.Version(b.Rules)
	if err != nil {
		return games.Game{}, err
	}
	var source error
	if (b.Chain != nil) != g.Chain {
		source = errors.New("the draws are of another source than those of this game")
	}
	return g, errors.Join(differ("game", b.Game, g.Name), differ("rules_hash", b.RulesHash, g.Hash), source)
}

// draws starts the round's draws; nil when there is no one source of them. The error
// says that the source is not the one that was committed to.
func (b Bundle) draws() (fair.Draws, error) {
	switch {
	case (b.Seeds == nil) == (b.Chain == nil):
		return nil, errors.New("a bundle has either seeds or a chain")
	case b.Seeds != nil:
		s := b.Seeds
		err := differ("server_seed_hash", s.ServerSeedHash, fair.Hash(s.ServerSeed))
		if !fair.ValidClientSeed(s.ClientSeed) {
			err = errors.Join(err, errors.New("the client seed is not one that a player may choose"))
		}
		return fair.NewStream(s.ServerSeed, s.ClientSeed, s.Nonce), err
	default:
		c := b.Chain
		var err error
		if c.Steps < 0 || c.Steps > mostSteps || !fair.Leads(c.GameHash, c.Commitment, c.Steps) {
			err = fmt.Errorf("the game hash does not lead to the commitment in %d steps", c.Steps)
		}
		return fair.NewLink(c.GameHash, c.Salt), err
	}
}

// differ compares what the bundle says with what was computed.
func differ[T comparable](what string, said, computed T) error {
	if said == computed {
		return nil
	}
	return fmt.Errorf("the bundle says %s %v; computed %v", what, said, computed)
}
