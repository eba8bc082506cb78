// Small helpers over the document. Text reaches the page through textContent only:
// what a player typed is never read as markup.

/** byId returns the element with the id; the page is wrong if there is none. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return found;
}

/** el makes an element. A string child becomes text. */
export function el(tag, props = {}, ...children) {
  const made = Object.assign(document.createElement(tag), props);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** name shows a player's name so that its writing direction stays inside it. */
export function name(text, className = 'name') {
  return el('bdi', { className, textContent: text });
}

/** clock shows a time of day from an RFC 3339 text, in the reader's zone. */
export function clock(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return el('span');
  const text = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  return el('time', { dateTime: iso, textContent: text });
}

/** prepend puts a row on top of a list and drops what is beyond keep rows. */
export function prepend(list, row, keep) {
  list.prepend(row);
  while (list.children.length > keep) list.lastElementChild.remove();
}
