// Package lobby is what the casino says over sockets: who may connect, the rooms
// that a player may enter, chat, and who is there.
//
// A client connects with auth {"token": "..."} and may then emit
//
//	join  (room)        ack {"ok":true,"room","members":[{"id","name"}]}
//	leave (room)        ack {"ok":true,"room"}
//	chat  (room, text)  ack {"ok":true,"room"}
//
// A refused event is acknowledged with {"ok":false,"code","detail"}, the codes of
// package problem; the connection stays. The server emits
//
//	chat     {"room","from":{"id","name"},"text","at"}                to the room
//	presence {"room","joined"|"left":{"id","name"},"members"}         to the room
//	error    {"code","detail"}                                        to one socket
//
// and, from other services over the cluster, round to table:<id> and balance to
// player:<id>.
//
// Rooms: table:<id> is open to every player; player:<id> is entered by the server
// for the player's own sockets; every other room is forbidden.
package lobby
