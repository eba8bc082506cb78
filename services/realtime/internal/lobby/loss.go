package lobby

import "strings"

// loss is the resync event.
type loss struct {
	Room string `json:"room"`
}

// Lost says that events of other containers may be lost for good, because Redis lost
// its data or a gap in it cannot be filled. Run tells the sockets. It does not wait.
func (l *Lobby) Lost() {
	select {
	case l.lost <- struct{}{}:
	default: // they are about to be told
	}
}

// resync has every socket of this container load its tables again. Each container is
// told of a loss and tells its own.
func (l *Lobby) resync() {
	for _, s := range l.ns.Sockets("") {
		for _, room := range s.Rooms() {
			if strings.HasPrefix(room, tables) || room == everybody {
				_ = s.Emit("resync", loss{Room: room}) // it may be gone
			}
		}
	}
}
