// Package lobby is what the casino says over sockets: who may connect, the rooms
// that a player may enter, chat, and who is there.
//
// A client connects with auth {"token": "..."} and may then emit
//
//	join     (room)             ack {"ok":true,"room","members":[{"id","name"}],"players","sockets","history":[chat]}
//	leave    (room)             ack {"ok":true,"room"}
//	chat     (room, text, key?) ack {"ok":true,"room","id","at","stored","again"}
//	presence (room)             ack {"ok":true,"room","members","players","sockets"}
//
// members lists the first 100 by name, players and sockets count all; in the lobby
// members is empty. history is the last 50 chat events, oldest first; one of them may
// come as an event, too: its id tells. "partial":true says that Redis is away and that
// the answer knows this container only.
//
// key is the client's own name for a message, 1 to 64 letters, digits, "-" and "_". A
// message of a known key is not posted again but acknowledged as the first one, with
// "again":true. stored says that the message is in the history of all containers.
//
// A refused event is acknowledged with {"ok":false,"code","detail"}, the codes of
// package problem; the connection stays. The server emits
//
//	chat     {"id","room","from":{"id","name"},"text","at"}           to the room
//	presence {"room","joined"|"left":{"id","name"},"members","sockets"} to the room, but not to the lobby
//	resync   {"room"}                                                 to one socket: events may be lost, load the room again
//	error    {"code","detail"}                                        to one socket
//
// and, from other services over the cluster, round, table and jackpot to table:<id>, balance
// and reality_check to player:<id>.
//
// Rooms: every socket is in lobby, and in its player's own player:<id>, from the
// beginning to the end. table:<id> is entered and left, by players whom [Rights] allow
// to; every other room is forbidden.
//
// A socket that is recovered has its rooms already and hears what it missed instead of
// a history.
package lobby
