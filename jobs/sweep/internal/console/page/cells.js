// How figures are written.

const count = new Intl.NumberFormat('en');

export const cells = {
  count: (n) => (n === undefined || n === null ? '–' : count.format(n)),
  money: (minor) => (minor / 100).toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
  percent: (share) => (share === undefined || share === null ? '–' : `${(100 * share).toFixed(2)} %`),
  clock: (at) => (at ? new Date(at).toLocaleTimeString('en-GB') : '–'),
  day: (at) => (at ? `${new Date(at).toISOString().slice(0, 10)} ${new Date(at).toLocaleTimeString('en-GB')}` : '–'),
  ms: (n) => {
    if (n === undefined || n === null) return '–';
    if (n >= 120_000) return `${Math.round(n / 60_000)} min`;
    return n >= 1000 ? `${Math.round(n / 100) / 10} s` : `${Math.round(n * 10) / 10} ms`;
  },
  mood: (status) => ({ healthy: 'good', degraded: 'warn', unhealthy: 'bad' })[status] ?? '',
};

/** cell is one cell of a table: a text, with a mood when it says something. */
export function cell(text, { mood = '', figure = false } = {}) {
  const td = document.createElement('td');
  td.textContent = text;
  if (mood) td.dataset.mood = mood;
  if (figure) td.className = 'figure';
  return td;
}

/** fill replaces a table's rows. A head that begins with '#' is one of figures. */
export function fill(table, heads, rows) {
  const head = document.createElement('tr');
  for (const name of heads) {
    const th = document.createElement('th');
    th.scope = 'col';
    th.textContent = name.replace('#', '');
    if (name.startsWith('#')) th.className = 'figure';
    head.append(th);
  }
  const lines = rows.map((row) => {
    const tr = document.createElement('tr');
    row.forEach((value, i) => tr.append(value instanceof Node ? value : cell(value, { figure: heads[i].startsWith('#') })));
    return tr;
  });
  if (lines.length === 0) {
    const tr = document.createElement('tr');
    tr.append(cell('none'));
    lines.push(tr);
  }
  put(table, [head, ...lines]);
}

/** put makes nodes the children of place. Those that say the same stay, with what is selected in them. */
export function put(place, nodes) {
  nodes.forEach((node, i) => {
    const old = place.children[i];
    if (!old) place.append(node);
    else if (!old.isEqualNode(node)) old.replaceWith(node);
  });
  while (place.children.length > nodes.length) place.lastElementChild.remove();
}
