package socketio

import "context"

// Broadcast is one event for the sockets of a namespace.
type Broadcast struct {
	// Packet is of type EventPacket. Its namespace is that of whoever delivers it.
	Packet Packet
	// Rooms name the receivers; a socket in several of them receives one copy.
	// The id of a socket is a room with that socket in it. No rooms mean every
	// socket of the namespace.
	Rooms []string
	// Except names rooms whose sockets receive nothing.
	Except []string
	Flags  Flags
	// Offset is where the broadcast is in the journal of the namespace; empty when it
	// is in none.
	Offset string
}

// Flags say how a Broadcast is treated.
type Flags struct {
	Volatile bool // passes over sockets that cannot take it at once
	Local    bool // stays in this process
}

// Adapter connects the namespaces of a Server to the same namespaces in other
// processes.
type Adapter interface {
	// Open joins a namespace. From then on, what others publish is handed to
	// ns.Deliver. It must not wait for the network: while the others cannot be
	// reached, the namespace works alone.
	Open(ns Local) (Bus, error)
}

// Bus is one namespace's connection to other processes. Its methods may be
// called concurrently.
type Bus interface {
	// Publish queues a broadcast for the other processes and does not wait for
	// the network. Flags.Local is never set. An error says that the others will
	// not get it.
	Publish(b Broadcast) error
	// Close sends what is queued and ends the connection.
	Close() error
	// Size is the number of processes in which the namespace is open, this one
	// included.
	Size(ctx context.Context) (containers int, err error)
}

// Watcher is a Bus that wants to know for which names Local.HasRoom is true. Each is
// watched until it is unwatched. The methods are called with locks of the namespace held:
// they must not wait, nor call Local.
type Watcher interface {
	Watch(room string)
	Unwatch(room string)
}

// Local is a namespace as an Adapter sees it: the sockets of this process.
type Local interface {
	Name() string
	// Deliver gives a broadcast to the sockets of this process and to no other
	// process. Calls made one after another keep their order. It waits while the
	// buffer of a room is full, which the network cannot prolong.
	Deliver(b Broadcast)
	// HasRoom reports whether a socket of this process is in the room, so that a
	// broadcast can be dropped before it is decoded.
	HasRoom(room string) bool
	// Rooms are the names for which HasRoom is true, in no order: rooms and ids.
	Rooms() []string
	// Obey does with the sockets of this process what one of the processes wants.
	Obey(o Order)
	// Answer answers what another process asks. reply is called as Reply says, by any
	// goroutine, also after Answer has returned; it must not wait for long.
	Answer(q Question, reply func(Reply))
}
