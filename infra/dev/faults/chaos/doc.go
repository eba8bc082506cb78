// Package chaos lets many virtual players bet over HTTP at several containers of the
// actions service while containers and PostgreSQL are killed, and then compares what the
// players were told with what is in the database.
//
// A Floor is what is under fire, a Crowd plays on it, a Habit is what one player does, and
// a Verdict is the comparison. A new kind of play needs a Habit and nothing else:
//
//	floor := chaos.Open(t, 2)
//	crowd := floor.Crowd(t, 32, func(n int) chaos.Habit { return chaos.Dice() })
//	crowd.Play(20_000)
//	floor.Strike(...) // until crowd.Done()
//	crowd.Judge(t)
//
// The contract: what was answered with 2xx is committed; when the outcome is unknown the
// client sends the same key again. So nothing that was acknowledged may be lost, and
// nothing done twice.
package chaos
