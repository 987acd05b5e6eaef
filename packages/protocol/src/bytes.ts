// Byte values and small byte helpers that the parser, the encoder and the server share.

/** Bytes that mean something in operations, subjects and numbers. */
export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const DOLLAR = 0x24;
export const STAR = 0x2a;
export const DOT = 0x2e;
export const ZERO = 0x30;
export const GREATER = 0x3e;
export const UNDERSCORE = 0x5f;

/** Longest run of digits that is read as a size, as in the reference (util.go parseSize): anything longer is refused. */
export const SIZE_DIGITS_MAX = 9;

/**
 * Reads an unsigned decimal size as the reference does: digits only, 1 to {@link SIZE_DIGITS_MAX} of them, leading zeros allowed.
 * No sign, no blank, no exponent, no JavaScript coercion.
 *
 * @returns The number, or -1 when the bytes are not such a size.
 */
export function parseSize(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < 1 || length > SIZE_DIGITS_MAX) return -1;
  let size = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    size = size * 10 + digit;
  }
  return size;
}

/**
 * The latin1 reading of bytes: one character a byte, so that it is one to one and can be a key.
 * Not for people: text for people is UTF-8.
 */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

/** The bytes of a string whose characters are all below 256: the inverse of {@link latin1}. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** An unsigned number of four bytes, the lowest first. */
export function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** A copy of `bytes[start, end)`. Not `slice`, which a Buffer turns into a view of the same memory. */
export function copyOf(bytes: Uint8Array, start: number = 0, end: number = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

/** Whether `bytes[start, end)` begins with `prefix`, a string of characters below 256. */
export function startsWith(bytes: Uint8Array, start: number, end: number, prefix: string): boolean {
  if (end - start < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) {
    if (bytes[start + i] !== prefix.charCodeAt(i)) return false;
  }
  return true;
}
