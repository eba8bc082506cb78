// Package engineio is an Engine.IO 4 server: sessions with ids, a heartbeat and
// messages in order, carried by websockets or by HTTP long-polling. It knows nothing of what the
// messages mean. The protocol is described at
// https://socket.io/docs/v4/engine-io-protocol/.
//
// # Goroutines
//
// A session owns one goroutine. It reads the websocket, or takes what polling
// requests bring, calls the Handler, and ends when the connection ends or the
// session is closed; Server.Shutdown waits for it. The HTTP handler returns as
// soon as the session stands, so net/http frees its buffers. A websocket that
// asks to replace polling has a goroutine of its own until it does, or for
// UpgradeTimeout.
//
// There is no goroutine per connection for writing. Send tries the write
// without blocking; what the kernel does not take waits in a queue, and a
// goroutine that lives only while the queue is not empty drains it. The
// session's goroutine waits for that one before it ends.
//
// A websocket that is tunnelled to another server has two here, which carry its
// bytes either way, and at the session's server none but the session's.
//
// One goroutine per Server keeps the heartbeat of all sessions. It starts with
// NewServer and ends with Shutdown.
//
// # What a client may cost
//
// Options bound what a client may send (MaxPayload, Limits), what may wait for it
// (QueueLimit, SendBuffer, StallTimeout) and how often it may come (Limits). The
// row numbers in the tests are those of the list of bad input: each of its kinds
// has one right answer. A client that breaks a rule of the transport, or reads too
// slowly, is closed with TransportError, after which the layer above may let it
// go on where it was.
//
// # Locks
//
// Session.mu is taken before conn.mu and late.mu, and before what a Forwarder's
// streams lock; the locks of Server and heartbeat are never held while another
// one is taken, nor are those of the counts behind Limits. No lock is held while a
// Handler runs.
package engineio
