// The members of a JSON object as they are written: each one, also where a key stands twice, and each value as its text.
// `JSON.parse` keeps only the last of two and forgets how a number was written; Go's package reads every one into its field.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b]);
const CLOSING: ReadonlySet<number> = new Set([0x7d, 0x5d]);

/** One member: its key, and the text of its value without blanks round it. */
export interface JsonMember {
  readonly key: string;
  readonly text: string;
}

/**
 * Splits an object into its members, in order.
 *
 * @param json - Valid JSON, checked by the caller, whose value is an object.
 */
export function jsonMembers(json: string): JsonMember[] {
  const members: JsonMember[] = [];
  let at = json.indexOf("{") + 1;
  for (;;) {
    const keyStart = json.indexOf('"', at);
    if (keyStart < 0) return members;
    const keyEnd = stringEnd(json, keyStart);
    const valueStart = json.indexOf(":", keyEnd) + 1;
    const end = valueEnd(json, valueStart);
    members.push({
      key: JSON.parse(json.slice(keyStart, keyEnd)) as string,
      text: json.slice(valueStart, end).trim(),
    });
    if (json.charCodeAt(end) !== COMMA) return members;
    at = end + 1;
  }
}

/** One past the quote that ends the string beginning at `start`. */
function stringEnd(json: string, start: number): number {
  let at = start + 1;
  while (json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** Where the value beginning at `start` ends: at the comma or the brace behind it. */
function valueEnd(json: string, start: number): number {
  let depth = 0;
  let at = start;
  for (;;) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(json, at);
      continue;
    }
    if (OPENING.has(code)) depth++;
    else if (depth === 0 && (code === COMMA || CLOSING.has(code))) return at;
    else if (CLOSING.has(code)) depth--;
    at++;
  }
}
