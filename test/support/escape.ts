// Bytes as text in double quotes and back. Every byte has one spelling, so that equal texts mean equal bytes.

const NAMED = new Map<number, string>([
  [0x0d, "\\r"],
  [0x0a, "\\n"],
  [0x09, "\\t"],
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);
const BY_NAME = new Map<string, number>([
  ["r", 0x0d],
  ["n", 0x0a],
  ["t", 0x09],
  ['"', 0x22],
  ["\\", 0x5c],
]);

/** Escapes bytes for a place between double quotes. */
export function escapeBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, (character) => {
    const byte = character.charCodeAt(0);
    return NAMED.get(byte) ?? `\\x${byte.toString(16).padStart(2, "0")}`;
  });
}

/** Escapes what cannot be printed, for a place without quotes. */
export function escapeLine(bytes: Uint8Array): string {
  return escapeBytes(bytes).replaceAll('\\"', '"').replaceAll("\\\\", "\\");
}

/**
 * Reads what {@link escapeBytes} writes; characters beyond ASCII stand for their UTF-8 bytes.
 *
 * @throws Error for an escape that does not exist.
 */
export function unescapeBytes(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const [piece] of text.matchAll(/\\x[0-9a-fA-F]{2}|\\.|[^\\]+|\\/g)) {
    if (!piece.startsWith("\\")) parts.push(Buffer.from(piece, "utf8"));
    else if (piece.length === 4) parts.push(Buffer.of(Number.parseInt(piece.slice(2), 16)));
    else parts.push(Buffer.of(escaped(piece)));
  }
  return Buffer.concat(parts);
}

function escaped(piece: string): number {
  const byte = BY_NAME.get(piece.slice(1));
  if (byte === undefined) throw new Error(`"${piece}" is not an escape: use \\r \\n \\t \\" \\\\ or \\x41`);
  return byte;
}
