// Package socketio is a Socket.IO 5 server on top of engineio: namespaces,
// middleware, events with acknowledgements both ways, rooms, and broadcasts
// within this process and, through an Adapter, to others. The protocol is
// described at https://socket.io/docs/v4/socket-io-protocol/.
//
// # Order
//
// A client receives what was emitted to it in the order of the calls, whether a
// call named the socket, its rooms or the whole namespace. Events of one client
// in one namespace are handled one after another, after OnConnect and before
// OnDisconnect.
//
// # Broadcasts
//
// A broadcast is encoded once and appended to the buffer of its room. A
// goroutine that lives only while the buffer is not empty takes all that is
// there and writes it to each member as one piece. In rooms of bigRoom members
// and more it waits for linger first: every member costs a system call per
// write, so a few broadcasts that share it cost little more than one.
//
// Every broadcast has a number, and every member remembers up to which number
// it was served. Whoever writes to a socket out of turn (a direct emit, another
// room's goroutine, Leave) first serves that socket from the buffers of all its
// rooms, in the order of the numbers; the room's goroutine then passes it over.
//
// # Recovery
//
// With Options.Recovery a client that lost its connection goes on where it
// stopped, with the same id, in its rooms, and with what was emitted to them
// meanwhile: nothing lost, doubled or reordered. Socket.Recovered tells.
//
// Broadcasts go through a Journal, which gives each of them an offset and hands
// it to all processes in one order. The journal of a Bus serves all processes; a
// server without an adapter has one in memory, for itself, which ends with its
// namespace. An offset goes along with every event as an extra last argument,
// and clients come back with the last one: they take any text at the end of an
// event for an offset, so every event without an ack id has to carry one.
//
// In the journal is what Target.Emit sends, also to a single socket by its id.
// Volatile and local broadcasts, Socket.Emit and what other kinds of servers
// emit are not: they carry the offset of what came before them and may be lost
// with a connection. Events with an ack id are never sent again.
//
// Middleware runs for clients that come back, too, so that an expired token is
// refused; it says by Socket.SetOwner whose session may go on. A client that
// cannot go on, because its session is unknown, too old, or another's, or
// because events were dropped from the journal, begins afresh and knows it by
// its new id. So does one that left or was disconnected by Socket.Disconnect.
//
// What goes into rooms without the journal is marked with the namespace's place
// in it, which changes under the lock that is held while rooms are filled. What
// goes to one socket is marked with the place of the last entry that was written
// to it: the namespace's would be ahead of what is still in the rooms. A session
// also knows the rooms that its socket left lately, since what was emitted
// before may be under way when the connection ends.
//
// # Goroutines
//
// Messages arrive on the session's goroutine, which reads on while handlers
// run: acknowledgements reach a handler that waits for one. Handlers of a
// socket run on a goroutine that lives while it has something to handle. When
// maxInbox events wait, the session stops reading. Server.Shutdown waits for
// all of them.
//
// # Locks
//
// Socket.mu before Namespace.mu before room.mu. None is held while code of the
// library's users runs. engineio.Session's methods may be called with any of
// them held: they do not block and do not call back.
package socketio
