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
