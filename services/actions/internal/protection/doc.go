// Package protection keeps players from playing more than they want to: limits of what is
// staked, lost and played, time-outs, self-exclusion, and what a player has done so far
// (tables player_limits, player_protection and player_hours). It is designed with reference
// to the rules of the UK Gambling Commission and the Malta Gaming Authority.
//
// The refusals themselves are made in the transaction of the bet, under the lock of the
// player's account, by the function play_refusal; here their words become problems.
//
// All times are of the database's clock. A limit is for a rolling window that is counted in
// whole hours of UTC: an hour counts until the window has left it whole, so that the limit
// holds in every stretch of its length, and at most an hour longer.
package protection
