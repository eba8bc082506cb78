// Package cluster connects the realtime containers with each other through Redis: what
// one emits reaches the sockets of all, and each knows who is in a room.
//
// Redis implements socketio.Adapter in the form of @socket.io/redis-adapter 8.3
// (classic), so that Node servers and emitters may share the channels. A namespace is
// open once per process: peers count subscriptions to know how many answers to expect.
//
// Broadcasts that must not be lost go through the room log (socketio.Journal, and
// broadcast.Log for its form in Redis): each has a number, every container sees every
// number, and reads from the log what it missed before it delivers anything newer. What
// is volatile, and what Node servers publish, is in no log and has no such promise.
//
// Redis is never waited for. While it is away a container serves its own sockets; their
// events reach the others when it is back. When it comes back empty, each container
// writes its own latest events again, and drops those of others that it had. What
// nobody can bring back is announced (Options.OnLoss).
//
// Presence holds who is in which room, as leases in Redis over a truth in memory.
//
// Control is a channel of each container's own. What comes to a container that does not
// have the session goes to the one that has over streams on it, and drain messages come
// over a channel of all.
package cluster
