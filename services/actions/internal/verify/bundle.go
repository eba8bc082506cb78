// Package verify checks a settled round from its bundle alone: it holds the house to
// its commitment, plays the round again by the rules that it names, and counts the
// money. It has no network, clock or files, and is built for the browser too.
//
// What a bundle cannot show is that the commitment was known before the round, and that
// the rules' hash is the published one: the player compares those two with what was
// shown at the time.
package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
	"github.com/vegascore/vegascore/shared/strictjson"
)

// Format names the form of a bundle; it changes with anything in it.
const Format = "vegascore/round/1"

// Bundle is a settled round with all that a check of it takes. Its text has one form:
// the members in this order, no space between them, and at most a line feed after it.
type Bundle struct {
	Format    string            `json:"format"`
	Round     string            `json:"round"` // id
	Game      string            `json:"game"`
	Rules     string            `json:"rules"` // version, such as "dice/1"
	RulesHash string            `json:"rules_hash"`
	Seeds     *Seeds            `json:"seeds,omitempty"` // one of the two is there
	Chain     *Chain            `json:"chain,omitempty"`
	Params    json.RawMessage   `json:"params"`
	Actions   []json.RawMessage `json:"actions"` // in the order in which they were taken
	Outcome   json.RawMessage   `json:"outcome"`
	Asset     money.Asset       `json:"asset"`
	Stake     money.Amount      `json:"stake"`  // the first one; minor units
	Staked    money.Amount      `json:"staked"` // all of it
	Payout    money.Amount      `json:"payout"`
	Postings  []Posting         `json:"postings"` // in the order in which they were booked
	Digest    string            `json:"digest"`   // SHA-256 of this text with "" here
}

// Seeds is the source of draws that is the player's or the table's own: a pair of seeds
// and the nonce. The hash is the commitment that was shown before play.
type Seeds struct {
	ServerSeedHash string `json:"server_seed_hash"`
	ServerSeed     string `json:"server_seed"`
	ClientSeed     string `json:"client_seed"`
	Nonce          uint64 `json:"nonce"`
}

// Chain is the source of draws of a table whose rounds are the links of a chain. The
// commitment is what the game hash gives when it is hashed Steps times.
type Chain struct {
	Commitment string `json:"commitment"`
	GameHash   string `json:"game_hash"`
	Salt       string `json:"salt"`
	Steps      int    `json:"steps"`
}

// Posting is one transfer of the round in the ledger. A round that was over at once has the
// stake, from the player to the house; of any other each cost was held when it came up, and
// all of it went to the house as the stake at the end, before what the round pays. What the
// house put into the jackpot for the round, and what the round won of it, comes after the
// first step.
type Posting struct {
	Kind   string       `json:"kind"`
	Amount money.Amount `json:"amount"`
}

// Kinds of postings.
const (
	HoldPosting   = "hold"
	StakePosting  = "stake"
	PayoutPosting = "payout"

	ContributionPosting = "contribution"
	JackpotPosting      = "jackpot"
)

// Text returns the bundle in its one form, with format and digest filled in.
func (b Bundle) Text() ([]byte, error) {
	b.Format, b.Digest = Format, ""
	if b.Actions == nil {
		b.Actions = []json.RawMessage{}
	}
	bare, err := encode(b)
	if err != nil {
		return nil, err
	}
	b.Digest = digest(bare)
	return encode(b)
}

// Read reads a bundle. It returns a problem of the JSON, or an error when the text is
// not in the one form that a bundle has.
func Read(text []byte) (Bundle, error) {
	text = bytes.TrimSuffix(text, []byte("\n"))
	var b Bundle
	if err := strictjson.Unmarshal(text, &b); err != nil {
		return Bundle{}, fmt.Errorf("read bundle: %w", stable(err))
	}
	if b.Format != Format {
		return Bundle{}, fmt.Errorf("read bundle: the format is %q; want %q", b.Format, Format)
	}
	again, err := encode(b)
	if err != nil {
		return Bundle{}, err
	}
	if !bytes.Equal(text, again) {
		return Bundle{}, errors.New("read bundle: the text is not in its canonical form")
	}
	return b, nil
}

func encode(b Bundle) ([]byte, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encode bundle: %w", err)
	}
	return text, nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// stable is a problem without what it came from: the reader's own words change from
// process to process, and a report is the same everywhere.
func stable(err error) error { return problem.From(err).Because(nil) }
