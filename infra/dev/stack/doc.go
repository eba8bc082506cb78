// Package stack runs the whole platform on this machine: PostgreSQL, Redis, Pub/Sub,
// the migration job, two realtime containers, the actions and the events functions,
// each a process of its own, and the front door.
//
// It serves `make run` and the tests that need real processes:
//
//	s, err := stack.Start(ctx, stack.Options{}) // random ports, temporary folder
//	defer s.Stop(ctx)
//	s.Service("actions").Kill() // comes back by itself
//
// What a caller sets in Options or finds in a state folder is used again: a second
// start on the same folder finds its data, keys and, where they are free, ports.
// The end of the calling process, however it comes, is the end of everything here.
package stack
