// Reads and writes DER, the encoding of certificates: values inside of values, each a tag, a length and a content. Certificates were
// parsed by OpenSSL before; OCSP answers come from the network as they are. Nothing is read past its bounds.

/** One value. */
export interface DerValue {
  /** Class, form and number, as the first byte says. */
  readonly tag: number;
  /** A view of the bytes that were given. */
  readonly content: Uint8Array;
  /** The same with tag and length before it. */
  readonly encoded: Uint8Array;
}

export const TAG_INTEGER = 0x02;
export const TAG_BIT_STRING = 0x03;
export const TAG_OCTET_STRING = 0x04;
export const TAG_OBJECT_ID = 0x06;
export const TAG_ENUMERATED = 0x0a;
export const TAG_GENERALIZED_TIME = 0x18;
export const TAG_SEQUENCE = 0x30;
const TAG_BMP_STRING = 0x1e;
/** UTF8String, PrintableString, TeletexString (as Latin-1, as everybody reads it), IA5String. */
const TEXT_ENCODINGS: ReadonlyMap<number, "utf8" | "latin1"> = new Map([
  [0x0c, "utf8"],
  [0x13, "latin1"],
  [0x14, "latin1"],
  [0x16, "latin1"],
]);

/** The bytes are no DER. */
export class DerError extends Error {
  override readonly name = "DerError";
  readonly code = "INVALID_DER";
}

/** The values that stand one after the other in `bytes`. @throws DerError when they do not fill it exactly. */
export function readValues(bytes: Uint8Array): DerValue[] {
  const values: DerValue[] = [];
  let at = 0;
  while (at < bytes.length) {
    const { value, end } = readAt(bytes, at);
    values.push(value);
    at = end;
  }
  return values;
}

/** The one value that `bytes` holds. @throws DerError when there is none, or more. */
export function readValue(bytes: Uint8Array): DerValue {
  const { value, end } = readAt(bytes, 0);
  if (end !== bytes.length) throw new DerError(`${bytes.length - end} bytes too many behind a value`);
  return value;
}

function readAt(bytes: Uint8Array, at: number): { value: DerValue; end: number } {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw new DerError("a value without a length");
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    const digits = first & 0x7f;
    if (digits === 0 || digits > 4) throw new DerError(`a length of ${digits} bytes`);
    length = 0;
    for (let i = 0; i < digits; i++) length = length * 256 + (bytes[start + i] ?? 0);
    start += digits;
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError(`a value of ${length} bytes where ${bytes.length - start} are left`);
  return { value: { tag, content: bytes.subarray(start, end), encoded: bytes.subarray(at, end) }, end };
}

/** An object identifier in dots: `2.5.4.3`. */
export function readObjectId(content: Uint8Array): string {
  const numbers: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (numbers.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      numbers.push(first, value - first * 40);
    } else numbers.push(value);
    value = 0;
  }
  return numbers.join(".");
}

/** A text; null for a value that is none. */
export function readText({ content, tag }: DerValue): string | null {
  const encoding = TEXT_ENCODINGS.get(tag);
  if (encoding !== undefined) return Buffer.from(content).toString(encoding);
  if (tag === TAG_BMP_STRING && content.length % 2 === 0) return Buffer.from(content).swap16().toString("utf16le");
  return null;
}

/** What a BIT STRING of whole bytes holds. @throws DerError for one that ends inside of a byte. */
export function readBits({ content, tag }: DerValue): Uint8Array {
  if (tag !== TAG_BIT_STRING || content[0] !== 0) throw new DerError("no bit string of whole bytes");
  return content.subarray(1);
}

/** Milliseconds since 1970 that a GeneralizedTime in UTC tells. @throws DerError for anything else. */
export function readGeneralizedTime({ content, tag }: DerValue): number {
  const text = Buffer.from(content).toString("latin1");
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(text);
  if (tag !== TAG_GENERALIZED_TIME || parts === null) throw new DerError("no time in UTC");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Writes a value of these contents, one behind the other. They are copied. */
export function writeValue(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  if (length > 0xffff) throw new DerError(`a value of ${length} bytes, and no more than 65535 are written`);
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
