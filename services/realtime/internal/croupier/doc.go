// Package croupier keeps the clocks of shared tables: it asks the actions service again
// and again to do what is due at a table at which players of this container sit.
//
// What is due, and when, is decided by the database's clock there, and may be asked for by
// anybody any number of times. So that not every container asks, the one that holds the
// table's lease in Redis does:
//
//	vegas:{croupier:<table>}        "<container> <fence>", with a time to live
//	vegas:{croupier:<table>}:fence  the highest fence number that was given out
//	vegas:croupier                  a channel: the id of a table whose lease was given back
//
// A container that has members in room table:<id> tries to take the lease, which gives it
// a fence number that nobody had before, renews it at a third of its life, and gives up by
// its own monotonic clock when nine tenths have passed since it asked for the last renewal
// that succeeded. The lease in Redis ends later than that, so two containers think that
// they lead only while a process or a request is held up between its look at the clock and
// the service. Such a request carries the older fence, and the service refuses it once the
// newer leader was there.
//
// Fence numbers begin at Redis' time in ms, so they grow even when Redis has lost its data.
// Where its clock went back, too, the service's refusal names the highest fence that it has
// seen, and the next one is taken past it. Without Redis nobody leads: what is open then is
// ended by the next leader, or by the sweep.
//
// When the last member here has left, the leader goes on until the round of that moment is
// settled, a minute at most, and gives the lease back. A container that ends gives it back
// at once.
package croupier
