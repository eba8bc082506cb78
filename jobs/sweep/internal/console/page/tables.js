// Where on the page the parts of the state go.

import { cell, cells, fill } from './cells.js';

/** show writes a whole state into the page. */
export function show(state, byId) {
  tiles(state, byId('tiles'));
  services(state.services, byId('services'));
  fill(byId('outbox'), ['Sink', '#Unsent', '#Oldest'], state.outbox.map((s) => [
    s.sink, cells.count(s.unsent), cell(s.unsent ? cells.ms(s.oldest_ms) : '–', { figure: true, mood: s.oldest_ms > 30_000 ? 'bad' : '' }),
  ]));
  fill(byId('games'), ['Game', '#Rounds', '#Staked', '#Paid', '#RTP', '#from', '#to'], state.games.map((g) => [
    g.game, cells.count(g.rounds), cells.money(g.stake), cells.money(g.payout), cells.percent(g.rtp), cells.percent(g.low), cells.percent(g.high),
  ]));
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

function services(all, table) {
  const heads = ['Container', 'Status', 'Version', '#Up', '#Answer', '#Sockets', '#Pool', '#Database', '#Redis', '#Memory', 'Not well'];
  fill(table, heads, all.map((s) => {
    const document = s.document ?? {};
    const parts = document.components ?? {};
    const status = s.error ? 'silent' : document.status;
    const pool = parts.database?.details ?? {};
    const ill = Object.entries(parts).filter(([, c]) => c.status !== 'healthy').map(([name, c]) => c.reason || name).join(', ');
    return [
      host(s.url), cell(status, { mood: s.error ? 'bad' : cells.mood(status) }), document.version || '–',
      s.error ? '–' : cells.ms(1000 * document.uptime), cells.ms(s.took_ms),
      cells.count(parts.socketio?.details?.sockets),
      pool.poolSize === undefined ? '–' : `${pool.inUse ?? pool.busy ?? 0} of ${pool.poolSize}`,
      cells.ms(parts.database?.latency), cells.ms(parts.redis?.latency),
      parts.system?.details?.memory ? `${parts.system.details.memory.percentage} %` : '–',
      cell(s.error || ill, { mood: s.error ? 'bad' : 'warn' }),
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
    ['healthy', 'Healthy', `${well} of ${state.services.length}`, well < state.services.length ? 'warn' : 'good'],
    ['containers', 'Containers with sockets', cells.count(cluster.containers)],
    ['sockets', 'Sockets', cells.count(cluster.sockets)],
    ['rooms', 'Rooms', cells.count(cluster.rooms)],
    ['unsent', 'Unsent events', cells.count(unsent), unsent > 1000 ? 'warn' : ''],
    ['open', 'Open rounds', cells.count(state.open_rounds)],
    ['rtp', 'RTP, all games', staked ? cells.percent(paid / staked) : '–'],
    ['frozen', 'Frozen accounts', cells.count(state.ledger.frozen), state.ledger.frozen ? 'bad' : 'good'],
    ['verified', 'Ledger verified', cells.clock(state.ledger.passed_at), state.ledger.passed_at ? '' : 'warn'],
    ['connections', 'Database connections', `${cells.count(state.server.connections)} of ${cells.count(state.server.max_connections)}`],
    ['latency', 'Database answers in', cells.ms(state.server.latency_ms)],
  ];
  place.replaceChildren(...all.map(([id, name, text, mood]) => {
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
    part('rounds', result.rounds, `${cells.count(result.rounds.voided)} voided, ${cells.count(result.rounds.stuck)} stuck`),
    part('outbox', result.outbox, `${cells.count(Object.values(result.outbox.sent).reduce((a, b) => a + b, 0))} left-over rows sent`),
    part('prune', result.pruned, Object.entries(result.pruned.rows).map(([kind, n]) => `${kind} ${cells.count(n)}`).join(', ') || 'nothing'),
  ] : [];
  fill(table, ['Part', 'Result', '#Took', 'What', 'Why'], rows);
}
