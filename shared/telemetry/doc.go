// Package telemetry is how a service is seen from outside: logs that Cloud
// Logging understands, spans that join a bet to the socket event it caused, and
// Prometheus figures on an internal listener.
//
// Setting it up costs no network access. Spans leave the process only when an
// OTLP endpoint is configured; trace ids are made and passed on in any case, so
// that logs of several services can be joined.
package telemetry
