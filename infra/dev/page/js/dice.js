// The rules of dice as the server plays them, to show odds before a bet. The server
// decides; a round's answer carries what really happened.

/** outcomes is how many rolls there are: 0.00 to 100.00 in steps of 0.01. */
export const outcomes = 10001;

// What a fair game would pay, less one per cent, in ten-thousandths times wins.
const returned = outcomes * 9900;

/** wins counts the winning rolls: below the target, or above it. */
export function wins(direction, target) {
  return direction === 'under' ? target : outcomes - 1 - target;
}

/**
 * possible says whether the table takes the bet: it must be able to win, and a win
 * must pay more than the stake.
 */
export function possible(direction, target) {
  const count = wins(direction, target);
  return Number.isInteger(target) && count >= 1 && count <= 9900;
}

/** chance is the winning share of all rolls, between 0 and 1. */
export function chance(direction, target) {
  return wins(direction, target) / outcomes;
}

/** multiplier is what a win pays per unit of stake, in ten-thousandths, rounded down. */
export function multiplier(direction, target) {
  return Math.floor(returned / wins(direction, target));
}

/** pays is the payout of a win, stake included, in minor units, rounded down. */
export function pays(stake, times) {
  return Number((BigInt(stake) * BigInt(times)) / 10000n);
}

/** show writes a roll or a target, in hundredths, with two decimals. */
export function show(hundredths) {
  return (hundredths / 100).toFixed(2);
}
