// Message headers, with the interface of the official client, and made from what people have at hand.

import {
  encodeHeaderBlock,
  HeaderError,
  headerNameProblem,
  headerValueProblem,
  parseHeaderBlock,
} from "@myelin/protocol/client";
import { InvalidHeaderError } from "./errors.ts";

/** How a name is compared. Headers of NATS keep their case; the exact comparison is the default. */
export const Match = {
  Exact: "exact",
  CanonicalMIME: "canonical",
  IgnoreCase: "insensitive",
} as const;
/** One of the ways. */
export type Match = (typeof Match)[keyof typeof Match];

/** The headers of a message. Iterating gives each name with its values. */
export interface MsgHdrs extends Iterable<[string, string[]]> {
  /** The status is an error: 300 and above. */
  readonly hasError: boolean;
  /** Status and description, as in `503 No Responders`; empty without a status. */
  readonly status: string;
  readonly code: number;
  readonly description: string;
  /** The first value; empty when there is none. */
  get(k: string, match?: Match): string;
  set(k: string, v: string, match?: Match): void;
  append(k: string, v: string, match?: Match): void;
  has(k: string, match?: Match): boolean;
  keys(): string[];
  values(k: string, match?: Match): string[];
  delete(k: string, match?: Match): void;
  /** The last value; empty when there is none. */
  last(k: string, match?: Match): string;
}

/** What may stand where headers are given: the official form, a plain object, the web's `Headers`, or pairs. */
export type HeadersInput =
  | MsgHdrs
  | Readonly<Record<string, string | readonly string[]>>
  | Iterable<readonly [string, string | readonly string[]]>;

/** The one implementation of {@link MsgHdrs}. */
export class MsgHdrsImpl implements MsgHdrs {
  readonly #fields = new Map<string, string[]>();
  readonly #code: number;
  readonly #description: string;
  /** They came over the wire, where a value may hold what may not be sent on: a bare line feed begins a header elsewhere. */
  #received = false;

  constructor(code = 0, description = "") {
    this.#code = code;
    this.#description = description;
  }

  /**
   * Reads a header block of the wire.
   *
   * @throws InvalidHeaderError when it does not follow the format.
   */
  static decode(bytes: Uint8Array): MsgHdrsImpl {
    try {
      const block = parseHeaderBlock(bytes);
      const headers = new MsgHdrsImpl(block.status, block.description);
      for (const [name, value] of block.fields) headers.#add(name, value);
      headers.#received = true;
      return headers;
    } catch (cause) {
      if (!(cause instanceof HeaderError)) throw cause;
      throw new InvalidHeaderError(cause.message, { cause });
    }
  }

  /** Headers of their own with the fields of what was given. */
  static copyOf(input: HeadersInput | undefined): MsgHdrsImpl {
    const given = toHeaders(input ?? {});
    const copy = new MsgHdrsImpl(given.code, given.description);
    for (const [name, values] of given) for (const value of values) copy.append(name, value);
    return copy;
  }

  static fromRecord(record: Readonly<Record<string, string | readonly string[]>>): MsgHdrsImpl {
    return toHeaders(record);
  }

  get code(): number {
    return this.#code;
  }

  get description(): string {
    return this.#description;
  }

  get hasError(): boolean {
    return this.#code >= 300;
  }

  get status(): string {
    return this.#code > 0 ? `${this.#code} ${this.#description}`.trim() : "";
  }

  [Symbol.iterator](): IterableIterator<[string, string[]]> {
    return this.#fields.entries();
  }

  /** How many names there are. */
  size(): number {
    return this.#fields.size;
  }

  keys(): string[] {
    return [...this.#fields.keys()];
  }

  get(k: string, match: Match = Match.Exact): string {
    return this.values(k, match)[0] ?? "";
  }

  last(k: string, match: Match = Match.Exact): string {
    return this.values(k, match).at(-1) ?? "";
  }

  has(k: string, match: Match = Match.Exact): boolean {
    return this.#namesLike(k, match).length > 0;
  }

  values(k: string, match: Match = Match.Exact): string[] {
    return this.#namesLike(k, match).flatMap((name) => this.#fields.get(name) as string[]);
  }

  set(k: string, v: string, match: Match = Match.Exact): void {
    const name = checkedName(k, match);
    const value = checkedValue(k, v);
    this.delete(name, match);
    this.#fields.set(name, [value]);
  }

  append(k: string, v: string, match: Match = Match.Exact): void {
    const value = checkedValue(k, v);
    const name = checkedName(k, match);
    this.#add(this.#namesLike(name, match)[0] ?? name, value);
  }

  delete(k: string, match: Match = Match.Exact): void {
    for (const name of this.#namesLike(k, match)) this.#fields.delete(name);
  }

  /** Whether both have the same status, names and values. */
  equals(other: MsgHdrsImpl): boolean {
    return JSON.stringify(this.toJSON()) === JSON.stringify(other.toJSON()) && this.status === other.status;
  }

  toRecord(): Record<string, string[]> {
    return Object.fromEntries(Array.from(this.#fields, ([name, values]) => [name, [...values]]));
  }

  toJSON(): Record<string, string[]> {
    return this.toRecord();
  }

  toString(): string {
    return new TextDecoder().decode(this.encode());
  }

  /**
   * The block as it goes over the wire. Costs a string and its encoding; keep it when it is sent many times.
   *
   * @throws InvalidHeaderError when the headers were received and hold what cannot be sent on.
   */
  encode(): Uint8Array {
    const fields: Array<[string, string]> = [];
    for (const [name, values] of this.#fields) for (const value of values) fields.push([name, value]);
    if (this.#received) {
      checkedValue("status", this.#description);
      for (const [name, value] of fields) checkedValue(checkedName(name, Match.Exact), value);
    }
    return encodeHeaderBlock({ status: this.#code, description: this.#description, fields });
  }

  #add(name: string, value: string): void {
    const values = this.#fields.get(name);
    if (values === undefined) this.#fields.set(name, [value]);
    else values.push(value);
  }

  #namesLike(k: string, match: Match): string[] {
    if (match === Match.Exact) return this.#fields.has(k) ? [k] : [];
    const wanted = match === Match.CanonicalMIME ? canonicalMIMEHeaderKey(k) : k.toLowerCase();
    return this.keys().filter((name) => (match === Match.CanonicalMIME ? name : name.toLowerCase()) === wanted);
  }
}

/** Makes empty headers; with a code and words, the status that a service answers with. */
export function headers(code = 0, description = ""): MsgHdrs {
  if (code !== 0 && (!Number.isInteger(code) || code < 100 || code > 999)) {
    throw new InvalidHeaderError(`a header status is a whole number from 100 to 999, not ${code}`);
  }
  if (headerValueProblem(description) !== null) throw new InvalidHeaderError("a header description has no line ends");
  return new MsgHdrsImpl(code, description);
}

/**
 * Makes headers of what was given; official ones are taken as they are.
 *
 * @throws InvalidHeaderError for a name or a value that cannot be sent.
 */
export function toHeaders(input: HeadersInput): MsgHdrsImpl {
  if (input instanceof MsgHdrsImpl) return input;
  const foreign = input as MsgHdrs;
  const made =
    typeof foreign.code === "number" ? new MsgHdrsImpl(foreign.code, foreign.description) : new MsgHdrsImpl();
  const pairs = Symbol.iterator in input ? input : Object.entries(input);
  for (const [name, values] of pairs as Iterable<[string, string | string[]]>) {
    for (const value of typeof values === "string" ? [values] : values) made.append(name, value);
  }
  return made;
}

/** `some-key` as `Some-Key`. */
export function canonicalMIMEHeaderKey(k: string): string {
  const problem = headerNameProblem(k);
  if (problem !== null) throw new InvalidHeaderError(`'${k}' cannot be a header name: ${problem}`);
  return k.toLowerCase().replace(/(^|-)([a-z])/g, (all: string) => all.toUpperCase());
}

function checkedName(k: string, match: Match): string {
  const problem = headerNameProblem(k);
  if (problem !== null) throw new InvalidHeaderError(`'${k}' cannot be a header name: ${problem}`);
  return match === Match.CanonicalMIME ? canonicalMIMEHeaderKey(k) : k;
}

function checkedValue(k: string, v: string): string {
  const trimmed = String(v).trim();
  const problem = headerValueProblem(trimmed);
  if (problem !== null) throw new InvalidHeaderError(`the value of header '${k}' cannot be sent: ${problem}`);
  return trimmed;
}
