// Package fair makes random numbers that a player can check afterwards.
//
// Before a bet the house has committed to a server seed by showing its SHA-256
// hash; the player chose the client seed; the nonce counts the bets made with the
// pair. The three determine every draw:
//
//	block(i) = HMAC-SHA256(key: server seed, message: "<client seed>:<nonce>:<i>")   i = 0, 1, 2, ...
//
// The key is the hex text of the server seed as it is shown, not the bytes that the
// text stands for. The blocks joined are a byte stream; each draw takes the next 4
// bytes as a big-endian number u. An integer in [0, n) is floor(u x n / 2^32), and u
// is drawn anew when (u x n) mod 2^32 < 2^32 mod n, which leaves every result equally
// many values of u (Lemire, "Fast random integer generation in an interval", 2019).
//
// After the seed has been rotated out it is revealed, and anyone can recompute the
// hash and the draws. A seed is used for play only while it is secret.
package fair
