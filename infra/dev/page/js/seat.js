// The guest's seat: player and token, kept for this tab only, and the bet whose
// outcome is not known yet, so that a reload asks for it again with the same key.

import { call } from './api.js';

const seatKey = 'vegascore.seat';
const betKey = 'vegascore.bet';
const seedsKey = 'vegascore.seeds';

function load(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

function save(key, value) {
  if (value === null) sessionStorage.removeItem(key);
  else sessionStorage.setItem(key, JSON.stringify(value));
}

/** take signs in as a guest and keeps the seat: {player, token, expires_at, balance}. */
export async function take(name) {
  const seat = await call('POST', '/v1/guests', { body: { name } });
  save(seatKey, { player: seat.player, token: seat.token }); // the balance goes stale
  return seat;
}

/**
 * current is the seat of this tab, or null. Whether its token is still good is the
 * server's to say: this machine's clock may be wrong.
 */
export function current() {
  const seat = load(seatKey);
  return seat?.token && seat.player?.id ? seat : null;
}

/** leave forgets everything of this seat. */
export function leave() {
  for (const key of [seatKey, betKey, seedsKey]) save(key, null);
}

/** pendingBet is {key, body} of the bet under way, or null. */
export function pendingBet() {
  return load(betKey);
}

/** keepBet remembers the bet under way; null forgets it. */
export function keepBet(bet) {
  save(betKey, bet);
}

/** revealed returns the revealed server seeds of this seat, by their hash. */
export function revealed() {
  return load(seedsKey) ?? {};
}

/** reveal remembers a server seed under its published hash. */
export function reveal(hash, seed) {
  save(seedsKey, { ...revealed(), [hash]: seed });
}
