package problem

// Code is the stable, machine-readable name of a problem. Clients decide by it;
// the same codes travel over HTTP and over sockets. A code never changes its
// meaning once released.
type Code string

// The codes. What each means, and its HTTP status, is in the table.
const (
	// What cannot be read: the caller's program is wrong.
	BadRequest     Code = "bad_request" // the HTTP message itself
	BadJSON        Code = "bad_json"
	UnknownField   Code = "unknown_field"
	DuplicateField Code = "duplicate_field"
	WrongType      Code = "wrong_type"
	MissingField   Code = "missing_field"
	TooDeep        Code = "too_deep"
	BadText        Code = "bad_text"
	KeyMissing     Code = "key_missing"
	KeyMalformed   Code = "key_malformed"

	// Who the caller is and what it may do.
	TokenMissing Code = "token_missing"
	TokenInvalid Code = "token_invalid"
	TokenExpired Code = "token_expired"
	Forbidden    Code = "forbidden"
	// AccountFrozen says that the house looks into the player's account: its balance and
	// its transfers disagree.
	AccountFrozen Code = "account_frozen"
	// LimitReached says that the player's own limit, or one of the house, has no room for
	// this. Members: limit (stake, loss, session), window (24h, 7d, 30d) and resets_at, when
	// there will be room; null when there never will.
	LimitReached Code = "limit_reached"
	// Excluded says that the player takes a time-out or is self-excluded. Member: until;
	// null after a self-exclusion whose player has not asked to play again.
	Excluded Code = "excluded"

	// What HTTP itself refuses.
	NotFound             Code = "not_found"
	MethodNotAllowed     Code = "method_not_allowed"
	BodyTooLarge         Code = "body_too_large"
	UnsupportedMediaType Code = "unsupported_media_type"
	TooManyRequests      Code = "too_many_requests"

	// What was understood and is against the rules of the house.
	KeyReused         Code = "key_reused"
	NameInvalid       Code = "name_invalid"
	StakeOutOfRange   Code = "stake_out_of_range"
	ParamsInvalid     Code = "params_invalid"
	SeedInvalid       Code = "seed_invalid"
	UnknownGame       Code = "unknown_game"
	UnknownTable      Code = "unknown_table"
	ActionInvalid     Code = "action_invalid" // no such action in this game
	CursorInvalid     Code = "cursor_invalid"
	InsufficientFunds Code = "insufficient_funds"
	LimitsInvalid     Code = "limits_invalid" // a set of limits that nobody can have

	// What the round does not allow now.
	ActionRefused Code = "action_refused" // a step was skipped, or comes too late
	RoundOver     Code = "round_over"
	RoundOpen     Code = "round_open" // one has to end first
	RoundVoid     Code = "round_void" // it did not count
	// BetsClosed says that the shared table takes no bets now, TooManyBets that it takes no
	// more of this player before its next round.
	BetsClosed  Code = "bets_closed"
	TooManyBets Code = "too_many_bets"
	// StaleFence says that a newer leader of the table was there. Member: fence, the highest
	// that was seen.
	StaleFence Code = "stale_fence"
	// SeedNotRevealed says that what is asked for would tell a seed that is still in use.
	SeedNotRevealed Code = "seed_not_revealed"

	// What the tournament does not allow now.
	TournamentClosed Code = "tournament_closed" // it takes no entries yet, or any more
	AlreadyEntered   Code = "already_entered"

	// What is the server's own trouble. The two 503s carry Retry-After.
	Internal    Code = "internal"
	Busy        Code = "busy"
	Unavailable Code = "unavailable"
)

// Status returns the HTTP status that belongs to the code, and 500 for a code
// outside the catalogue.
func (c Code) Status() int {
	if e, ok := byCode[c]; ok {
		return e.Status
	}
	return 500
}
