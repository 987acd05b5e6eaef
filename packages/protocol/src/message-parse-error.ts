// What a client says of a server that does not speak NATS.

/** A server sent something that is not NATS, or beyond the limits. The connection cannot go on. */
export class MessageParseError extends Error {
  override readonly name: string = "MessageParseError";
  readonly code = "BAD_SERVER_PROTOCOL";
}

/** For a line or a message beyond its limit. */
export function tooLong(what: string, max: number, size?: number): MessageParseError {
  const has = size === undefined ? "" : ` of ${size} bytes`;
  return new MessageParseError(`The server sent a ${what}${has}, longer than the limit of ${max} bytes`);
}

/** For a line that is no operation; shows how it begins. */
export function badLine(bytes: Uint8Array, start: number, end: number): MessageParseError {
  let shown = "";
  for (let at = start; at < Math.min(end, start + 40); at++) {
    const code = bytes[at] as number;
    shown += code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : `\\x${code.toString(16).padStart(2, "0")}`;
  }
  return new MessageParseError(`The server sent something that is not NATS: "${shown}"`);
}
