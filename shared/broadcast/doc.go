// Package broadcast sends events to the rooms of a Socket.IO cluster from a process
// that holds no sockets itself, and turns event arguments from JSON into the
// MessagePack that the cluster speaks over Redis, and back.
//
// The wire is that of the classic Redis adapter, so that Node servers and emitters
// can take part: an event is the MessagePack array
//
//	[uid, {type: 2, data: [event, args...], nsp}, {rooms, flags, except}, tail]
//
// published on the channel of its namespace, or on the channel of its room when it
// names exactly one (see [Channel]). The first three are Node's; the tail, which Node
// passes over, is the place of the event in the room log ([Log], [Tail]).
//
// The transcoder works as a stream: it keeps the order of object keys, keeps every
// integer of 64 bits exact, and builds no tree. The layout it writes is the one of
// the JavaScript encoder byte for byte: the smallest integer form, every other number
// as a 64-bit float, byte arrays as bin. Anything it reads may be hostile: nesting is
// bounded by [MaxDepth], and a length is believed only when the bytes are there.
package broadcast
