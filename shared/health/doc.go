// Package health tells whether a container should live, take traffic, and how
// the things that it needs are.
//
// Every check runs in the background, about once per its period, at most one
// call at a time and each with a hard time limit. Probes read the last result
// and never wait for a dependency, so that a hung one cannot hold a probe, and
// a storm of probes is no load for it. Only before a check's first result does
// a probe wait for it, no longer than the check's limit.
//
//	/live    the process answers; depends on nothing, or an outage of the
//	         database would restart every container
//	/ready   the checks marked Ready pass and the container is not draining
//	/health  all components in one document
package health
