// Recomputes rolls of dice with nothing but Node's own crypto, for players who trust
// no code of the house:
//
//   node verify.mjs '[{"server_seed":"..","client_seed":"..","nonce":0}]'
//
// prints for each the hash of the server seed and the roll in hundredths.

import { createHash, createHmac } from 'node:crypto';

const results = 10_001n; // 0.00, 0.01, ... 100.00

/** draws yields the 32-bit numbers of one bet. */
function* draws(serverSeed, clientSeed, nonce) {
  for (let round = 0; ; round++) {
    const block = createHmac('sha256', serverSeed).update(`${clientSeed}:${nonce}:${round}`).digest();
    for (let at = 0; at < block.length; at += 4) yield BigInt(block.readUInt32BE(at));
  }
}

/** roll is the first draw that is not rejected, scaled to the results. */
function roll(bet) {
  const rejected = (1n << 32n) % results;
  for (const u of draws(bet.server_seed, bet.client_seed, bet.nonce)) {
    const product = u * results;
    if ((product & 0xffffffffn) >= rejected) return Number(product >> 32n);
  }
}

const bets = JSON.parse(process.argv[2]);
console.log(JSON.stringify(bets.map((bet) => ({
  hash: createHash('sha256').update(bet.server_seed).digest('hex'),
  roll: roll(bet),
}))));
