// Package auth decides who a caller is: players by their own short-lived tokens,
// push deliveries and scheduled calls by an identity provider's.
//
// A player's token is a JWT signed with Ed25519. The verifier is strict where
// the JWT format is lax: one algorithm, taken from the key and not from the
// token (RFC 8725, section 3.1); exp, iss, aud, iat and kid required; 30 s of
// leeway for clocks; keys only from configuration, so that a header such as jku
// or x5u never causes a fetch.
//
// Nothing here talks to the network when it is built. Only a PushVerifier with
// a key set URL fetches, on the first token that it sees.
package auth
