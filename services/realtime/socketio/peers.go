package socketio

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Peers is a Bus over which the processes of a cluster ask each other and have each
// other do things. A namespace whose bus has none acts for the sockets of its own
// process. The methods may be called concurrently.
type Peers interface {
	// Tell has the sockets of all processes obey, those of this one too, by Local.Obey
	// when it is their turn: what was emitted before comes before, what is emitted
	// once Tell has returned comes after. A ServerEvent is for the other processes alone,
	// and Tell does not wait for it. An error says that this process has not obeyed, and
	// others perhaps not either. Tell does not wait longer for the network than Ask does.
	Tell(o Order) error
	// Ask asks all other processes and hands their replies to take, one at a time, until
	// it returns: when all have replied, when ctx ends, and for anything but the
	// answers of clients within the time that the bus gives. The error is a
	// *PartialError when replies are missing.
	Ask(ctx context.Context, q Question, take func(Reply)) error
}

// OrderKind is what is to be done.
type OrderKind byte

// What one process can have all do.
const (
	JoinRooms         OrderKind = iota + 1 // put the sockets into Targets
	LeaveRooms                             // take them out of Targets
	DisconnectSockets                      // see Socket.Disconnect
	ServerEvent                            // call the functions of OnServerSide with Event
)

// Order is something to be done without an answer.
type Order struct {
	Kind          OrderKind
	Rooms, Except []string // which sockets, as in Broadcast
	Targets       []string
	Close         bool
	Event         Packet // name and arguments, as in Broadcast
}

// QuestionKind is what is asked.
type QuestionKind byte

// What one process can ask the others.
const (
	AskSockets QuestionKind = iota + 1 // the selected sockets: Reply.Sockets
	AskIDs                             // their ids: Reply.Names
	AskRooms                           // Local.Rooms: Reply.Names
	AskServer                          // to call the functions of OnServerSide: Reply.Answer
	// AskClients is to send Event to the selected sockets and have their clients
	// acknowledge it: first their number as Reply.Clients, then for each that does so a
	// reply with its Answer.
	AskClients
)

// Question is something that other processes answer.
type Question struct {
	Kind          QuestionKind
	Rooms, Except []string // which sockets, as in Broadcast
	Event         Packet   // name and arguments, as in Broadcast
	Volatile      bool     // of AskClients, as in Flags
	// Timeout is how long answers of clients are waited for; 0 means 5 s.
	Timeout time.Duration
}

// Reply is what one process says to a question: once, but for AskClients.
type Reply struct {
	Sockets []RemoteSocket
	Names   []string
	Clients int
	Answer  *Args // one argument
}

// ErrPartial says that a result lacks what some servers or clients did not say in time.
// What is there is right. The error in which it is wrapped is a *PartialError.
var ErrPartial = errors.New("not everybody answered in time")

// PartialError counts who answered.
type PartialError struct {
	Servers, Answered int   // other servers that were asked, and those of them that answered
	Clients, Acks     int   // the same of clients, as far as servers told of them
	Cause             error // why there was no more; nil when the time was over
}

// Error implements error.
func (e *PartialError) Error() string {
	text := fmt.Sprintf("%v: %d of %d other servers", ErrPartial, e.Answered, e.Servers)
	if e.Clients > 0 {
		text += fmt.Sprintf(", %d of %d clients", e.Acks, e.Clients)
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap makes errors.Is find ErrPartial and the cause.
func (e *PartialError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrPartial}
	}
	return []error{ErrPartial, e.Cause}
}

// tell has the whole cluster obey, or this process alone.
func (ns *Namespace) tell(o Order, local bool) error {
	peers, ok := ns.bus.(Peers)
	if local || !ok {
		ns.Obey(o)
		return nil
	}
	err := peers.Tell(o)
	if err != nil && o.Kind != ServerEvent {
		ns.Obey(o)
	}
	return err
}

// ask asks the other processes, if there are any.
func (ns *Namespace) ask(ctx context.Context, q Question, local bool, take func(Reply)) error {
	peers, ok := ns.bus.(Peers)
	if local || !ok {
		return nil
	}
	return peers.Ask(ctx, q, take)
}
