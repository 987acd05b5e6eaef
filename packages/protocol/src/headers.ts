// The header block of HPUB and HMSG, as text and back. Names keep their case; order is kept.
//
//   NATS/1.0 503 No Responders\r\n      status and description only where the server or a service sends them
//   Nats-Msg-Id: 17\r\n
//   \r\n
//
// Bytes are UTF-8. A name is a token of visible ASCII without ':'; a value is anything without CR, LF and NUL.

const VERSION_LINE = "NATS/1.0";
const LF = 0x0a;
const COLON = 0x3a;
const DELETE = 0x7f;

/** A header block read from the wire, or to be written. */
export interface HeaderBlock {
  /** 100 to 999, or 0 when the block has no status. */
  readonly status: number;
  /** The words behind the status; empty when there are none. */
  readonly description: string;
  /** Names and values in the order of the block; a name may stand more than once. */
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>;
}

/** A header block that does not follow the format, or a name or value that cannot be sent. */
export class HeaderError extends Error {
  override readonly name: string = "HeaderError";
  readonly code = "BAD_HEADER";
}

const decoder = /* @__PURE__ */ new TextDecoder();
const encoder = /* @__PURE__ */ new TextEncoder();

/**
 * Reads a header block, blank last line included. Blanks round values are trimmed, lines with an empty name are skipped.
 *
 * @throws HeaderError when the first line is not `NATS/1.0`, a line has no colon, or the block does not end.
 */
export function parseHeaderBlock(bytes: Uint8Array, start: number = 0, end: number = bytes.length): HeaderBlock {
  const text = decoder.decode(bytes.subarray(start, end));
  if (!text.endsWith("\r\n\r\n"))
    throw new HeaderError("Cannot read a header block that does not end with a blank line");
  const lines = text.slice(0, -4).split("\r\n");
  const { status, description } = parseStatusLine(lines[0] as string);
  const fields: Array<readonly [string, string]> = [];
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string;
    const colon = line.indexOf(":");
    if (colon < 0) throw new HeaderError(`Cannot read header line ${i}: it has no colon`);
    if (colon === 0) continue;
    fields.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return { status, description, fields };
}

function parseStatusLine(line: string): { status: number; description: string } {
  if (!line.startsWith(VERSION_LINE)) {
    throw new HeaderError(
      `Cannot read a header block that begins with "${line.slice(0, 20)}", not with "${VERSION_LINE}"`,
    );
  }
  const rest = line.slice(VERSION_LINE.length).trim();
  if (rest === "") return { status: 0, description: "" };
  const digits = /^\d{3}/.exec(rest);
  if (digits === null)
    throw new HeaderError(`Cannot read the header status "${rest.slice(0, 20)}": it has no three digits`);
  return { status: Number(digits[0]), description: rest.slice(3).trim() };
}

/**
 * The status of a header block without reading the rest: 0 when it has none. Costs a few nanoseconds, allocates nothing.
 * For recognising 503 and its like among replies.
 */
export function headerStatus(bytes: Uint8Array, start: number, end: number): number {
  let at = start + VERSION_LINE.length;
  while (at < end && bytes[at] === 0x20) at++;
  if (at + 3 > end) return 0;
  const hundreds = (bytes[at] as number) - 0x30;
  const tens = (bytes[at + 1] as number) - 0x30;
  const ones = (bytes[at + 2] as number) - 0x30;
  if (hundreds < 1 || hundreds > 9 || tens >>> 0 > 9 || ones >>> 0 > 9) return 0;
  return hundreds * 100 + tens * 10 + ones;
}

/**
 * Writes a header block, blank last line included. Names and values must have passed {@link headerNameProblem} and
 * {@link headerValueProblem}: they are written as they are.
 */
export function encodeHeaderBlock(block: HeaderBlock): Uint8Array {
  let text = VERSION_LINE;
  if (block.status > 0) text += ` ${block.status}`;
  if (block.status > 0 && block.description !== "") text += ` ${block.description}`;
  text += "\r\n";
  for (const [name, value] of block.fields) text += `${name}: ${value}\r\n`;
  return encoder.encode(`${text}\r\n`);
}

/** Why `name` cannot be a header name, or null. */
export function headerNameProblem(name: string): string | null {
  if (name.length === 0) return "it is empty";
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0x20 && code < DELETE && code !== COLON) continue;
    return `character ${i + 1} is not allowed: only visible ASCII without ':' and blanks is`;
  }
  return null;
}

/** Why `value` cannot be a header value, or null: CR and LF would begin a header of their own, NUL breaks other clients. */
export function headerValueProblem(value: string): string | null {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === LF || code === 0x0d || code === 0) return `character ${i + 1} is a line end or NUL`;
  }
  return null;
}
