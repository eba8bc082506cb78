import assert from 'node:assert/strict';
import { test } from 'node:test';

import { show } from '../js/dice.js';
import { draw, hash, scale, words } from '../js/fair.js';

const one = {
  server: '18e93f4a7b5b58d2569765766d1b6c3296bbd8430d6f20249044d72f14720159',
  client: 'bb62964774',
};

test('the stream starts with the published first block', async () => {
  const want = 'c590d171e39b70404ee1fff2ce09c3e1090688e1320a9cd27f58b1ac3dfa8c92';
  let got = '';
  for await (const word of words(one.server, one.client, 1)) {
    got += word.toString(16).padStart(8, '0');
    if (got.length === want.length) break;
  }
  assert.equal(got, want);
});

test('rolls of known seeds are the published ones', async () => {
  assert.equal(show(await draw(one.server, one.client, 1, 10001)), '77.18');
  const server = 'f2ac89b608eeb01312d115bce6741b32';
  const client = '86ff027f15c48241af7f54a726690ee7';
  const got = [];
  for (let nonce = 0; nonce < 5; nonce++) got.push(show(await draw(server, client, nonce, 10001)));
  assert.deepEqual(got, ['28.07', '29.02', '5.86', '54.86', '9.66']);
});

test('a word in the biased part is drawn again', async () => {
  async function* fixed() {
    yield 0n; // its low half is 0, below 2^32 mod 10001
    yield 0xffffffffn;
  }
  assert.equal(await scale(fixed(), 10001), 10000);
});

test('the hash is SHA-256 of the seed text', async () => {
  assert.equal(await hash('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
