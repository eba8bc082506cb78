// Where on the page the parts of the state go.

import { cell, cells, fill, put } from './cells.js';

/** show writes a whole state into the page. */
export function show(state, byId) {
  tiles(state, byId('tiles'));
  containers(state.containers, byId('containers'));
  services(state.services, byId('services'));
  for (const place of document.querySelectorAll('.hour')) {
    place.textContent = state.partial ? 'the last hour, of which the latest 10,000 rounds count' : 'the last hour';
  }
  fill(byId('outbox'), ['Sink', '#Unsent', '#Oldest'], state.outbox.map((s) => [
    s.sink, cells.count(s.unsent), cell(s.unsent ? cells.ms(s.oldest_ms) : '–', { figure: true, mood: s.oldest_ms > 30_000 ? 'bad' : '' }),
  ]));
  games(state.games, byId('games'));
  fill(byId('tables'), ['Table', 'Game', '#Rounds', '#Open', '#Staked', '#Paid', 'Last'], state.tables.map((t) => [
    t.table, t.game, cells.count(t.rounds), cells.count(t.open), cells.money(t.stake), cells.money(t.payout), cells.clock(t.last),
  ]));
  fill(byId('rounds'), ['Round', 'Table', 'State', '#Stake', '#Payout', 'At'], state.rounds.map((r) => [
    `…${r.id.slice(-8)}`, r.table, r.state, cells.money(r.stake), cells.money(r.payout), cells.clock(r.at),
  ]));
  fill(byId('rollouts'), ['Service', 'Version', 'Since'], state.rollouts.map((r) => [host(r.service), r.version, cells.day(r.at)]));
  fill(byId('migrations'), ['#Number', 'Name', 'Phase', 'Finished'], state.migrations.map((m) => [
    String(m.version).padStart(4, '0'), m.name, m.phase, m.finished_at ? cells.day(m.finished_at) : cell('under way', { mood: 'warn' }),
  ]));
  swept(state.swept, byId('swept'));
  byId('errors').textContent = Object.entries(state.errors).map(([part, why]) => `${part}: ${why}`).join('\n');
}

function host(url) {
  return url.replace(/^https?:\/\//, '');
}

// What a health document says, in the order of healthHeads.
const healthHeads = ['#Pool', '#Waited', '#Refused', '#Redis pool', '#Database', '#Redis', '#Memory', 'Not well'];

function health(document, error = '') {
  const parts = document.components ?? {};
  const pool = parts.database?.details ?? {};
  const memory = parts.system?.details?.memory?.percentage;
  const ill = Object.entries(parts).filter(([, c]) => c.status !== 'healthy').map(([name, c]) => c.reason || name).join(', ');
  return [
    used(pool), cells.count(pool.waitCount), cell(cells.count(pool.refusedCount), { figure: true, mood: pool.refusedCount ? 'warn' : '' }),
    used(parts.redis?.details ?? {}), cells.ms(parts.database?.latency), cells.ms(parts.redis?.latency),
    memory === undefined ? '–' : `${memory} %`, cell(error || ill, { mood: error ? 'bad' : 'warn' }),
  ];
}

function used(pool) {
  return pool.poolSize === undefined ? '–' : `${pool.inUse ?? pool.busy ?? 0} of ${pool.poolSize}`;
}

function containers(all, table) {
  fill(table, ['Container', 'Status', '#Up', '#Sockets', '#Rooms', 'Version', 'Release', ...healthHeads], all.map((c) => [
    `${c.service} ${c.id}`, cell(c.document.status, { mood: cells.mood(c.document.status) }), cells.ms(1000 * c.document.uptime),
    cells.count(c.crowd?.sockets), cells.count(c.crowd?.rooms), c.document.version || '–', c.revision || '–', ...health(c.document),
  ]));
}

function services(all, table) {
  fill(table, ['Service', 'Status', 'Version', '#Up', '#Answer', ...healthHeads], all.map((s) => {
    const document = s.document ?? {};
    const status = s.error ? 'silent' : document.status;
    return [
      host(s.url), cell(status, { mood: s.error ? 'bad' : cells.mood(status) }), document.version || '–',
      s.error ? '–' : cells.ms(1000 * document.uptime), cells.ms(s.took_ms), ...health(document, s.error),
    ];
  }));
}

function games(all, table) {
  fill(table, ['Game', '#Rounds', '#Staked', '#Paid', '#GGR', '#RTP', '#Bets', '#RTP of these', '#Theory', '#Low', '#High', 'Verdict'], all.map((g) => {
    const books = g.books ?? {};
    const verdict = !g.books ? cell('–') : books.outside ? cell('out of band', { mood: 'bad' }) : cell('in band', { mood: 'good' });
    return [
      g.game, cells.count(g.rounds), cells.money(g.stake), cells.money(g.payout), cells.money(g.ggr), cells.percent(g.rtp),
      cells.count(books.bets), cells.percent(books.rtp), cells.percent(books.theory), cells.percent(books.low), cells.percent(books.high), verdict,
    ];
  }));
}

function tiles(state, place) {
  const cluster = state.services.map((s) => s.document?.components?.socketio?.details).find((d) => d?.containers !== undefined) ?? {};
  const well = state.services.filter((s) => !s.error && s.document.status === 'healthy').length;
  const staked = state.games.reduce((all, g) => all + g.stake, 0);
  const paid = state.games.reduce((all, g) => all + g.payout, 0);
  const unsent = state.outbox.reduce((all, s) => all + s.unsent, 0);
  const all = [
    ['healthy', 'Services healthy', `${well} of ${state.services.length}`, well < state.services.length ? 'warn' : 'good'],
    ['containers', 'Containers with sockets', cells.count(cluster.containers)],
    ['sockets', 'Sockets', cells.count(cluster.sockets)],
    ['rooms', 'Rooms', cells.count(cluster.rooms)],
    ['unsent', 'Unsent events', cells.count(unsent), unsent > 1000 ? 'warn' : ''],
    ['open', 'Open rounds', cells.count(state.open_rounds)],
    ['ggr', 'GGR, last hour', cells.money(staked - paid)],
    ['rtp', 'RTP, last hour', staked ? cells.percent(paid / staked) : '–'],
    ['frozen', 'Frozen accounts', cells.count(state.ledger.frozen), state.ledger.frozen ? 'bad' : 'good'],
    ['verified', 'Ledger verified', cells.clock(state.ledger.passed_at), state.ledger.passed_at ? '' : 'warn'],
    ['full', 'Fully verified', cells.day(state.ledger.full_at), state.ledger.full_at ? '' : 'warn'],
    ['connections', 'Database connections', `${cells.count(state.server.connections)} of ${cells.count(state.server.max_connections)}`],
    ['latency', 'Database answers in', cells.ms(state.server.latency_ms)],
  ];
  put(place, all.map(([id, name, text, mood]) => {
    const tile = document.createElement('div');
    const value = document.createElement('b');
    const label = document.createElement('span');
    tile.className = 'tile';
    tile.dataset.tile = id;
    value.textContent = text;
    if (mood) value.dataset.mood = mood;
    label.textContent = name;
    tile.append(value, label);
    return tile;
  }));
}

function swept(result, table) {
  const part = (name, p, what) => [name, cell(p.ok ? 'well' : 'not well', { mood: p.ok ? 'good' : 'bad' }), cells.ms(p.took_ms), what, cell(p.error ?? '', { mood: 'bad' })];
  const rows = result ? [
    part('ledger', result.ledger, `${result.ledger.pass} pass, ${cells.count(result.ledger.transfers)} transfers, ${cells.count(result.ledger.imbalance)} disagree`),
    part('rounds', result.rounds, `${cells.count(result.rounds.settled)} settled, ${cells.count(result.rounds.voided)} voided, ${cells.count(result.rounds.stuck)} stuck`),
    part('outbox', result.outbox, `${cells.count(Object.values(result.outbox.sent).reduce((a, b) => a + b, 0))} left-over rows sent`),
    part('prune', result.pruned, Object.entries(result.pruned.rows).map(([kind, n]) => `${kind} ${cells.count(n)}`).join(', ') || 'nothing'),
  ] : [];
  fill(table, ['Part', 'Result', '#Took', 'What', 'Why'], rows);
}
