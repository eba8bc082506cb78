package play

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/problem"
)

// Request is what a player asks for: the body of POST /v1/bets.
type Request struct {
	Game   string          `json:"game"`
	Table  string          `json:"table"`
	Stake  money.Amount    `json:"stake"`
	Params json.RawMessage `json:"params"`
}

// Player is who bets, as the token says.
type Player struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
}

// Bet is a request that the rules allow. Its round id is chosen before the first
// attempt and stays, so that an attempt that was committed unnoticed is known by it.
type Bet struct {
	player      Player
	key         string
	hash        [sha256.Size]byte
	game        games.Game
	move        games.Move
	table       games.Table
	stake       money.Amount
	round       uuid.UUID
	traceparent string
	span        trace.SpanContext // of the wait and the transaction, while it is placed
}

// NewBet checks a request against the games, the tables and the form of a key, and
// returns a problem if it does not pass. traceparent may be empty; it travels with
// the bet's events.
func NewBet(player Player, key string, r Request, traceparent string) (*Bet, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	game, err := games.Find(r.Game)
	if err != nil {
		return nil, err
	}
	table, err := games.TableOf(r.Game, r.Table)
	if err != nil {
		return nil, err
	}
	if err := table.Accepts(r.Stake); err != nil {
		return nil, err
	}
	move, err := game.Read(r.Params)
	if err != nil {
		return nil, err
	}
	b := &Bet{
		player: player, key: key, game: game, move: move, table: table, stake: r.Stake,
		round: uuid.Must(uuid.NewV7()), traceparent: traceparent,
	}
	b.hash = b.digest()
	return b, nil
}

// digest is the same for two requests that mean the same, however they were written:
// the game and the table, each ended by a zero byte, the stake in 8 bytes, the params
// in their canonical form. It is stored with rounds, so it never changes.
func (b *Bet) digest() [sha256.Size]byte {
	text := make([]byte, 0, 128)
	text = append(append(text, b.game.Name...), 0)
	text = append(append(text, b.table.ID...), 0)
	text = binary.BigEndian.AppendUint64(text, uint64(b.stake))
	return sha256.Sum256(append(text, b.move.Params...))
}

// CheckKey accepts 1 to 64 of A-Z a-z 0-9 _ and -, and returns a problem for anything else.
func CheckKey(key string) error {
	if key == "" {
		return problem.Of(problem.KeyMissing, "Send the header Idempotency-Key.")
	}
	valid := len(key) <= 64
	for _, c := range []byte(key) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		valid = valid && (letter || c >= '0' && c <= '9' || c == '_' || c == '-')
	}
	if !valid {
		return problem.Of(problem.KeyMalformed, "An Idempotency-Key is 1 to 64 of A-Z a-z 0-9 _ and -.")
	}
	return nil
}

// Answer is what the player gets: a JSON body, the same bytes each time.
type Answer struct {
	Body     []byte
	Replayed bool // an earlier request under the key made the round
}
