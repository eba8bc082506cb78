// Package cluster connects the realtime containers with each other through Redis: what
// one emits reaches the sockets of all, and each knows who is in a room.
//
// Redis implements socketio.Adapter in the form of @socket.io/redis-adapter 8.3
// (classic), so that Node servers and emitters may share the channels. A namespace is
// open once per process: peers count subscriptions to know how many answers to expect.
//
// Redis is never waited for. While it is away a container serves its own sockets, drops
// what was for the others and counts it; when it is back, whoever asked is told of the
// gap. Nothing that must not be lost travels on this path alone.
//
// Presence holds who is in which room, as leases in Redis over a truth in memory.
package cluster
