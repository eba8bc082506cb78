// Amounts are integers in minor units, as everywhere in the platform: 100 is 1.00.
// Nothing is ever computed in fractions.

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** format shows minor units with two decimals: 100000 -> "1,000.00". */
export function format(minor) {
  const sign = minor < 0 ? '−' : '';
  const size = Math.abs(minor);
  return `${sign}${grouped.format(Math.floor(size / 100))}.${String(size % 100).padStart(2, '0')}`;
}

/**
 * parse reads "12", "12.5", "12,50" or "1,000.00" as minor units. It returns null
 * for anything else, more than two decimals included: a stake is never rounded.
 */
export function parse(text) {
  let plain = text.trim().replace(/[\s\u00a0\u202f']/g, '');
  if (/^\d{1,3}(,\d{3})+(\.\d{1,2})?$/.test(plain)) plain = plain.replaceAll(',', '');
  const found = /^(\d{1,11})(?:[.,](\d{1,2}))?$/.exec(plain);
  if (!found) return null;
  return Number(found[1]) * 100 + Number((found[2] ?? '').padEnd(2, '0'));
}
