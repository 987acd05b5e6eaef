// Text quoted as Go's %q quotes it: the reference's error texts quote subjects that way, byte for byte.

const HEX = "0123456789abcdef";
const BACKSLASH_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x07, "\\a"],
  [0x08, "\\b"],
  [0x0c, "\\f"],
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x09, "\\t"],
  [0x0b, "\\v"],
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);

/**
 * Quotes bytes that are meant as UTF-8. Valid printable characters stay as they are, others are escaped; bytes that are
 * not UTF-8 become `\x..`. The result holds characters, not bytes: encode it as UTF-8 before sending.
 */
export function quote(bytes: Uint8Array, start: number, end: number): string {
  let text = '"';
  let at = start;
  while (at < end) {
    const width = sequenceWidth(bytes, at, end);
    if (width === 0) {
      text += `\\x${hex(bytes[at] as number, 2)}`;
      at++;
      continue;
    }
    text += quoteRune(decode(bytes, at, width));
    at += width;
  }
  return `${text}"`;
}

function quoteRune(rune: number): string {
  const escape = BACKSLASH_ESCAPES.get(rune);
  if (escape !== undefined) return escape;
  if (isPrintable(rune)) return String.fromCodePoint(rune);
  if (rune < 0x80) return `\\x${hex(rune, 2)}`;
  return rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`;
}

/** Letters, marks, numbers, punctuation, symbols, and of the spaces only the ASCII one (Go's unicode.IsPrint). */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

function isPrintable(rune: number): boolean {
  if (rune < 0x80) return rune >= 0x20 && rune < 0x7f;
  return PRINTABLE.test(String.fromCodePoint(rune));
}

/** Length of the valid UTF-8 sequence at `at`, or 0. */
function sequenceWidth(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const width = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + width > end) return 0;
  for (let i = 1; i < width; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0;
  const rune = decode(bytes, at, width);
  const smallest = width === 4 ? 0x10000 : width === 3 ? 0x800 : 0x80;
  const surrogate = rune >= 0xd800 && rune <= 0xdfff;
  return rune < smallest || rune > 0x10ffff || surrogate ? 0 : width;
}

function decode(bytes: Uint8Array, at: number, width: number): number {
  const first = bytes[at] as number;
  if (width === 1) return first;
  let rune = first & (0xff >> (width + 1));
  for (let i = 1; i < width; i++) rune = (rune << 6) | ((bytes[at + i] as number) & 0x3f);
  return rune;
}

function hex(value: number, digits: number): string {
  let text = "";
  for (let shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += HEX[(value >>> shift) & 0xf];
  return text;
}
