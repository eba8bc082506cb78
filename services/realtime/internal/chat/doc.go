// Package chat keeps what was said last in each room, and paces who may say how much.
// Both hold over all containers while Redis answers; without it each container does
// the same in its own memory, and says that it is alone.
//
// A message is never posted twice under one key of its player, so a client whose
// acknowledgement was lost may send it again. The history is bounded in messages and
// in time; it is no archive.
package chat
