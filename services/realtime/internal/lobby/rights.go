package lobby

import (
	"regexp"
	"strings"

	"github.com/vegascore/vegascore/shared/auth"
	"github.com/vegascore/vegascore/shared/problem"
)

// Lobby's own rooms.
const (
	everybody = "lobby"
	own       = "player:" // and the player's id
	tables    = "table:"  // and the table's id
)

// Rights say who may enter which room. The error that forbids is shown to the player;
// it costs the message, not the connection.
type Rights interface {
	Enter(player auth.Claims, room string) error
}

// Public are the rights of a house whose tables are open to every player. Tables whose
// id begins with private- are for those whose token says so, which none does.
type Public struct{}

// table is the form of the rooms that players enter by themselves.
var table = regexp.MustCompile(`^table:[a-z0-9][a-z0-9-]{0,31}$`)

// Enter implements Rights.
func (Public) Enter(player auth.Claims, room string) error {
	switch {
	case room == everybody, room == own+player.Player.String():
		return nil
	case !table.MatchString(room):
		return problem.New(403, problem.Forbidden, "this room is not open to players; tables are named table:<id>")
	case strings.HasPrefix(room, "table:private-"):
		return problem.New(403, problem.Forbidden, "this table is private")
	default:
		return nil
	}
}

// permanent says that a room is not entered or left by the player.
func permanent(room string) bool { return room == everybody || strings.HasPrefix(room, own) }
