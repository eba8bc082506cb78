// Reads the page of the API as a person does:
//
//   node docs.mjs http://localhost:8080/v1/docs [folder for screenshots]
//
// The exit code is 0 when all of it was seen, 1 otherwise.

import assert from 'node:assert/strict';
import path from 'node:path';

import { launch, open } from '../../../../../infra/dev/page/browsertest/browser.mjs';
import { fits } from '../../../../../infra/dev/page/browsertest/steps.mjs';

const [url, shots] = process.argv.slice(2);
const complaints = [];

async function look(browser) {
  const dark = await open(browser, url, complaints, { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' });
  assert.equal(await dark.locator('h1').textContent(), 'VegasCore actions');
  const described = await dark.evaluate(async () => (await fetch('/v1/openapi.json').catch(() => null)) === null);
  assert.equal(described, true, 'the policy lets the page load nothing');
  complaints.splice(0); // that was the policy's

  await dark.locator('nav a', { hasText: '/v1/bets' }).click();
  assert.equal(new URL(dark.url()).hash, '#placeBet');
  const bet = dark.locator('#placeBet');
  assert.ok(await bet.isVisible());
  assert.match(await bet.locator('h3').textContent(), /POST\s+\/v1\/bets/);
  assert.equal(await bet.locator('[data-parameter="Idempotency-Key"]').count(), 1);
  assert.match(await bet.locator('pre.example').first().textContent(), /"stake": 100/);
  await bet.locator('details summary').first().click();
  await bet.locator('a[href="#schema-Bet"]').click();
  assert.ok(await dark.locator('#schema-Bet').isVisible());
  await bet.locator('[data-status="422"] a', { hasText: 'key_reused' }).click();
  const row = dark.locator('#problem-key_reused');
  assert.ok(await row.isVisible());
  assert.match(await row.textContent(), /422.*Take a new key/);

  const broken = await dark.evaluate(() => [...document.querySelectorAll('a[href^="#"]')]
    .map((a) => a.getAttribute('href').slice(1)).filter((id) => !document.getElementById(id)));
  assert.deepEqual(broken, [], 'every link leads somewhere');
  const twice = await dark.evaluate(() => [...document.querySelectorAll('[id]')].map((e) => e.id).filter((id, n, all) => all.indexOf(id) !== n));
  assert.deepEqual(twice, [], 'ids are there once');

  const narrow = await open(browser, url, complaints, { viewport: { width: 360, height: 740 }, colorScheme: 'light', javaScriptEnabled: false });
  assert.ok(await narrow.locator('#placeBet h3').isVisible(), 'it needs no script');
  const light = await open(browser, url, complaints, { viewport: { width: 360, height: 740 }, colorScheme: 'light' });
  const back = (page) => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme + matchMedia('(prefers-color-scheme: dark)').matches);
  assert.notEqual(await back(light), await back(dark));
  for (const [name, page] of [['dark', dark], ['light', light]]) {
    await fits(page, name);
    if (shots) await page.screenshot({ path: path.join(shots, `docs-${name}.png`) });
  }
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
