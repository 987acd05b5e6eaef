// Names of certificates' subjects, as the mapping of certificates to users compares them: the names in the certificate with the
// ones that a configuration gives, `CN=alice,OU=ops,O=Example`. The texts come about as in Go, and in the reference's reading of
// RFC 4514 (internal/ldap/dn.go): the last relative name of the certificate comes first.

import { type DerValue, readObjectId, readText, readValues, TAG_OBJECT_ID } from "./der.ts";

/** One attribute: a type such as `CN`, and its value. */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

/** A name: relative names, each of one attribute or several that belong together. */
export type DistinguishedName = ReadonlyArray<readonly NameAttribute[]>;

/** An attribute as it stands in a certificate. */
interface SubjectAttribute {
  readonly id: string;
  /** Null where the value is no text. */
  readonly value: string | null;
}

/** A certificate's subject, in the certificate's order. */
export type Subject = ReadonlyArray<readonly SubjectAttribute[]>;

const TYPES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.5": "SERIALNUMBER",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "STREET",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.17": "POSTALCODE",
};
const DOMAIN_COMPONENT = "0.9.2342.19200300.100.1.25";
/** The order in which Go writes a subject down, last first: it sorts by type, whatever the certificate's order. */
const GO_ORDER = ["C", "O", "OU", "L", "ST", "STREET", "POSTALCODE", "CN", "SERIALNUMBER"];
/** Of these a subject in Go has one only; the last counts. */
const SINGLE = ["CN", "SERIALNUMBER"];

/** Reads a subject. @throws DerError when it is none. */
export function readSubject(name: DerValue): Subject {
  return readValues(name.content).map((relative) =>
    readValues(relative.content).map((attribute) => {
      const [type, value] = readValues(attribute.content);
      const id = type?.tag === TAG_OBJECT_ID ? readObjectId(type.content) : "";
      return { id, value: value === undefined ? null : readText(value) };
    }),
  );
}

/** The subject to be compared with; null when it has an attribute that nobody can name. */
export function nameOfSubject(subject: Subject): DistinguishedName | null {
  const name: NameAttribute[][] = [];
  for (const relative of subject.toReversed()) {
    if (relative.length === 0) continue;
    const attributes: NameAttribute[] = [];
    for (const { id, value } of relative.toReversed()) {
      const type = id === DOMAIN_COMPONENT ? "DC" : TYPES[id];
      if (type === undefined || value === null) return null;
      attributes.push({ type, value });
    }
    name.push(attributes);
  }
  return name;
}

/** The subject as Go writes it: `CN=alice,OU=ops,O=Example`. Domain components and unknown attributes are not in it. */
export function subjectText(subject: Subject): string {
  const byType = new Map<string, string[]>();
  for (const { id, value } of subject.flat()) {
    const type = TYPES[id];
    if (type === undefined || value === null) continue;
    byType.set(type, SINGLE.includes(type) ? [value] : [...(byType.get(type) ?? []), value]);
  }
  const parts: string[] = [];
  for (const type of GO_ORDER.toReversed()) {
    const values = byType.get(type);
    if (values !== undefined && !(SINGLE.includes(type) && values[0] === "")) {
      parts.push(values.map((value) => `${type}=${escaped(value)}`).join("+"));
    }
  }
  return parts.join(",");
}

/** The domain components in the certificate's order, `DC=example,DC=com`; empty when there are none. */
export function domainText(subject: Subject): string {
  const components = subject.flat().filter(({ id, value }) => id === DOMAIN_COMPONENT && value !== null);
  return components.map(({ value }) => `DC=${value}`).join(",");
}

function escaped(value: string): string {
  return value.replace(/[,+"\\<>;]|^[ #]| $/g, "\\$&");
}

/** Reads a name as a configuration has it (RFC 4514); null for a text that is none. */
export function parseName(text: string): DistinguishedName | null {
  const bytes = Buffer.from(text);
  const name: NameAttribute[][] = [];
  let relative: NameAttribute[] = [];
  let type = "";
  let part = new TextPart();
  const endAttribute = (): void => {
    relative.push({ type, value: part.text() });
    type = "";
    part = new TextPart();
  };
  for (let at = 0; at < bytes.length; at++) {
    const char = String.fromCharCode(bytes[at] as number);
    if (char === "\\") {
      const taken = part.addEscaped(bytes, at + 1);
      if (taken === 0) return null;
      at += taken;
    } else if (char === "=") {
      if (bytes[at + 1] === 0x23) return null; // '#' begins a value in BER, which nobody writes by hand
      type = part.text();
      part = new TextPart();
    } else if (char === "," || char === "+") {
      if (type === "") return null;
      endAttribute();
      if (char === "+") continue;
      name.push(relative);
      relative = [];
    } else part.add(bytes[at] as number);
  }
  if (part.isEmpty) return name;
  if (type === "") return null;
  endAttribute();
  name.push(relative);
  return name;
}

/** One side of a `=`, while it is read: blanks round it do not belong to it unless they are escaped. */
class TextPart {
  readonly #bytes: number[] = [];
  #trailingBlanks = 0;

  get isEmpty(): boolean {
    return this.#bytes.length === 0;
  }

  add(byte: number): void {
    const isBlank = byte === 0x20;
    if (isBlank && this.#bytes.length === 0) return;
    this.#trailingBlanks = isBlank ? this.#trailingBlanks + 1 : 0;
    this.#bytes.push(byte);
  }

  /** Takes what stands behind a backslash. @returns How many bytes that was; 0 when it makes no sense. */
  addEscaped(bytes: Buffer, at: number): number {
    this.#trailingBlanks = 0;
    const next = bytes[at];
    if (next === undefined) return 0;
    if (' "#+,;<=>\\'.includes(String.fromCharCode(next))) {
      this.#bytes.push(next);
      return 1;
    }
    const digits = bytes.subarray(at, at + 2).toString("latin1");
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) return 0;
    this.#bytes.push(Number.parseInt(digits, 16));
    return 2;
  }

  text(): string {
    return Buffer.from(this.#bytes.slice(0, this.#bytes.length - this.#trailingBlanks)).toString();
  }
}

/** Whether two names are the same, relative name by relative name. */
export function sameName(a: DistinguishedName, b: DistinguishedName): boolean {
  return a.length === b.length && a.every((relative, index) => sameRelative(relative, b[index] ?? []));
}

/** Whether two names have the same relative names, in whatever order. */
export function sameNameInAnyOrder(a: DistinguishedName, b: DistinguishedName): boolean {
  if (a.length !== b.length) return false;
  const left = [...b];
  return a.every((relative) => {
    const index = left.findIndex((other) => sameRelative(relative, other));
    if (index >= 0) left.splice(index, 1);
    return index >= 0;
  });
}

function sameRelative(a: readonly NameAttribute[], b: readonly NameAttribute[]): boolean {
  return a.length === b.length && hasAll(a, b) && hasAll(b, a);
}

function hasAll(a: readonly NameAttribute[], b: readonly NameAttribute[]): boolean {
  return b.every((one) =>
    a.some(({ type, value }) => type.toUpperCase() === one.type.toUpperCase() && value === one.value),
  );
}
