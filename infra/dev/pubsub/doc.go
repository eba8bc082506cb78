// Package pubsub is Google Cloud Pub/Sub for one machine. Server is an in-process
// server that speaks the real gRPC API and pushes as Cloud does: an envelope with
// an identity token, again until the endpoint answers 2xx, in order per ordering
// key, and to a dead letter topic after the configured number of attempts.
//
// The API is Google's test server, which accepts a push configuration but never
// pushes; the relay of this package does. Layout.Apply makes topics and
// subscriptions on any server that speaks the API, also on Google's emulator.
// The emulator pushes without tokens, so Gateway signs what it sends.
//
// Messages live in memory: what was not delivered when the process is killed is
// lost, unlike in Cloud.
package pubsub
