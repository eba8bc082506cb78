// Looks at the operators' console of a running stack:
//
//   node console.mjs 'http://127.0.0.1:9090/console/#TOKEN' [folder for screenshots]
//
// A line with one word on its output asks for something to happen: play (a socket and
// three bets of 1.00), bet (one of 25.00), halt (a realtime container dies), back. The
// exit code is 0 when the page showed all of it, 1 otherwise.

import assert from 'node:assert/strict';
import path from 'node:path';

import { launch, open } from '../page/browsertest/browser.mjs';

const [address, shots] = process.argv.slice(2);
const [url] = address.split('#');
const complaints = [];
const patience = 30_000; // ms
let asked = 0;

/** happens asks for a word and waits until the page shows it; it returns how long that took. */
async function happens(word, seen) {
  asked = Date.now();
  console.log(word);
  await seen();
  console.log(`# ${word}: on the page after ${Date.now() - asked} ms`);
}

const row = (page, table, text) => page.locator(`#${table} tr`, { hasText: text });
const shows = (place, text) => place.filter({ hasText: text }).first().waitFor({ timeout: patience });

async function stranger(browser) {
  const page = await open(browser, `${url}#ABCDEFGHIJKLMNOPQRSTUVWXYZ`, complaints);
  await page.locator('#refused', { hasText: 'not the console' }).waitFor();
  assert.equal(await page.locator('#board').isVisible(), false, 'nothing is shown');
  assert.equal(await page.locator('#board td').count(), 0, 'nothing is there');
  assert.equal(page.url(), url, 'the token is gone from the address');
  await page.context().close();
}

async function look(browser) {
  await stranger(browser);
  const page = await open(browser, address, complaints, { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
  await page.locator('#link[data-state="on"]').waitFor();
  assert.equal(page.url(), url, 'the token is gone from the address');
  await shows(page.locator('#services'), /healthy.*healthy.*healthy.*healthy/);
  await shows(page.locator('#containers'), /actions \w+healthy.*realtime \w+healthy.*realtime \w+healthy/);
  await shows(page.locator('#swept'), /ledgerwell/);
  await shows(page.locator('#migrations'), /00\d\d[a-z_]+/);
  await shows(page.locator('#rollouts'), /dev/);
  await shows(row(page, 'containers', 'actions'), /<img src=x onerror/);
  assert.equal(await page.locator('#board img').count(), 0, 'a version is shown as text');
  assert.equal(await page.title(), 'VegasCore console', 'a version is not run');
  assert.match(await page.locator('#games').textContent(), /none/);

  await happens('play', async () => {
    await shows(row(page, 'games', 'dice'), /^dice33\.00/); // rounds and stakes, by the database
    await shows(row(page, 'tables', 'dice-1'), /^dice-1dice303\.00/);
    assert.match(await page.locator('#rounds').textContent(), /dice-1settled1\.00/);
  });
  await shows(row(page, 'games', 'dice'), /%3\d+\.\d\d %9[89]\.\d\d %.*in band$/); // by the containers' books
  await shows(page.locator('[data-tile="sockets"]'), /^1Sockets/);
  await shows(row(page, 'containers', 'realtime'), /healthy\d+ \w+1\d/);
  await happens('bet', () => shows(row(page, 'games', 'dice'), /^dice428\.00/));
  await shows(page.locator('#outbox'), /fact0–room0–/);
  if (shots) await page.screenshot({ path: path.join(shots, 'console-live.png'), fullPage: true });

  await happens('halt', () => shows(page.locator('#services'), /silent/));
  const realtime = row(page, 'containers', 'realtime');
  for (const end = Date.now() + patience; await realtime.count() > 1;) { // its lease ends
    assert.ok(Date.now() < end, 'the dead container is still listed');
    await page.waitForTimeout(100);
  }
  await happens('back', () => shows(page.locator('#services'), /healthy.*healthy.*healthy.*healthy/));
  await shows(page.locator('#containers'), /actions \w+healthy.*realtime \w+healthy.*realtime \w+healthy/);
  assert.equal(await page.locator('#errors').textContent(), '', 'every part was read');
}

const browser = await launch();
let failure = null;
try {
  await look(browser);
  assert.deepEqual(complaints, [], 'the browser has no complaint');
} catch (error) {
  failure = error;
} finally {
  await browser.close();
}
if (failure) {
  console.error(failure);
  for (const complaint of complaints) console.error(`# ${complaint}`);
}
process.exit(failure ? 1 : 0);
