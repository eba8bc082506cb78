// Package server runs the sweep as a service: Cloud Scheduler starts a sweep with a
// request that carries an OIDC token, and the internal listener shows figures, health
// and the console.
package server
