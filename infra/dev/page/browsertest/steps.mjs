// What a player does on the page, and what must be seen then. Each function throws
// when it is not seen within the page's time limit.

import assert from 'node:assert/strict';

/** sitDown signs in as a guest and waits for the live table. */
export async function sitDown(page, name) {
  await page.locator('#name').fill(name);
  await page.keyboard.press('Enter');
  await page.locator('#link[data-state="on"]').waitFor();
  await seesPlayer(page, name);
  assert.equal(await page.locator('#balance').textContent(), '1,000.00');
}

/** seesPlayer waits for a name in the list of who is here. */
export async function seesPlayer(page, name) {
  await page.locator('#people li', { hasText: name }).first().waitFor();
}

/** bet places a dice bet by keyboard alone and returns the id of its round. */
export async function bet(page, { direction, target, stake }) {
  const before = await page.locator('#rounds .round.mine').count();
  await page.locator(`input[name="direction"][value="${direction}"]`).focus();
  await page.keyboard.press('Space');
  await page.locator('#target').fill(target);
  await page.locator('#stake').fill(stake);
  await page.keyboard.press('Enter');
  await page.locator('#rounds .round.mine').nth(before).waitFor();
  await page.locator('#go[aria-disabled="false"]').waitFor(); // the event may be faster than the answer
  return page.locator('#rounds .round').first().getAttribute('data-id');
}

/** seesRound waits until the round has come as a live event, and returns its text. */
export async function seesRound(page, id) {
  const row = page.locator(`#rounds .round[data-id="${id}"][data-seen="event"]`);
  await row.waitFor();
  assert.equal(await page.locator(`#rounds .round[data-id="${id}"]`).count(), 1, `round ${id} is listed once`);
  return (await row.locator('.rolled').textContent()).trim();
}

/** balanceIs waits for a balance, as shown. */
export async function balanceIs(page, want) {
  await page.locator('#balance', { hasText: want }).waitFor();
}

/** net is what a round brought its player, as the list shows it. */
export function net(page, id) {
  return page.locator(`#rounds .round[data-id="${id}"] .net`).textContent();
}

/** sum adds two amounts as they are shown. */
export function sum(...shown) {
  const minor = shown.reduce((all, text) => all + Number(text.replaceAll(',', '').replace('.', '').replace('−', '-').replace('+', '')), 0);
  return `${Math.floor(minor / 100).toLocaleString('en')}.${String(minor % 100).padStart(2, '0')}`;
}

/** says sends a chat message; hears waits for it as plain text. */
export async function says(page, text) {
  await page.locator('#text').fill(text);
  await page.keyboard.press('Enter');
}

export async function hears(page, from, text) {
  const line = page.locator('#lines li').filter({ has: page.locator('.said', { hasText: text }) }).last();
  await line.waitFor();
  assert.equal(await line.locator('.said').textContent(), text);
  assert.equal(await line.locator('.who').textContent(), from);
  assert.equal(await page.locator('#lines img, #lines b, #lines script').count(), 0, 'chat is shown as text');
}

/** rotate reveals the server seed in use. */
export async function rotate(page, clientSeed) {
  const hash = await page.locator('#server-hash').textContent();
  const next = await page.locator('#next-hash').textContent();
  await page.locator('#new-seed').fill(clientSeed);
  await page.keyboard.press('Enter');
  await page.locator('#verdict[data-kind="good"]', { hasText: 'revealed' }).waitFor();
  assert.equal(await page.locator('#server-hash').textContent(), next, 'the announced seed is in use');
  assert.equal(await page.locator('#check input[name="hash"]').inputValue(), hash, 'the old hash belongs to the revealed seed');
  assert.equal(await page.locator('#client-seed').textContent(), clientSeed);
}

/** verify recomputes a round in the browser and returns the verdict. */
export async function verify(page, id) {
  await page.locator(`#rounds .round[data-id="${id}"] button`).click();
  const verdict = page.locator('#verdict[data-kind="good"]', { hasText: 'as the table said' });
  await verdict.waitFor();
  return verdict.textContent();
}

/** fits fails when the page is wider than its window. */
export async function fits(page, what) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= window, `${what}: content of ${wide} px in a window of ${window} px`);
}
