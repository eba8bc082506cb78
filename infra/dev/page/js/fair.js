// The fairness arithmetic, in the browser: the same bytes that the server drew.
// The server seed's hex text is the HMAC key, "clientSeed:nonce:block" the message;
// the blocks of 32 bytes are read four bytes at a time, big-endian.

const text = new TextEncoder();

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function subtle() {
  const found = globalThis.crypto?.subtle;
  if (!found) throw new Error('This browser computes hashes only on https pages and on localhost.');
  return found;
}

/** hash is the published commitment to a server seed: SHA-256 of its hex text. */
export async function hash(serverSeed) {
  return hex(await subtle().digest('SHA-256', text.encode(serverSeed)));
}

async function block(key, clientSeed, nonce, index) {
  return new DataView(await subtle().sign('HMAC', key, text.encode(`${clientSeed}:${nonce}:${index}`)));
}

/** words yields the stream's 32-bit numbers, as BigInt, without end. */
export async function* words(serverSeed, clientSeed, nonce) {
  const key = await subtle().importKey('raw', text.encode(serverSeed), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  for (let index = 0; ; index++) {
    const view = await block(key, clientSeed, nonce, index);
    for (let at = 0; at < 32; at += 4) yield BigInt(view.getUint32(at));
  }
}

/**
 * scale maps words to an integer in [0, n) without bias: the high half of word * n,
 * with a redraw when the low half falls below 2^32 mod n.
 */
export async function scale(source, n) {
  const size = BigInt(n);
  const least = 2n ** 32n % size;
  for await (const word of source) {
    const product = word * size;
    if ((product & 0xffffffffn) >= least) return Number(product >> 32n);
  }
  throw new Error('the stream of words ended');
}

/** draw is the round's first integer in [0, n). */
export function draw(serverSeed, clientSeed, nonce, n) {
  return scale(words(serverSeed, clientSeed, nonce), n);
}
