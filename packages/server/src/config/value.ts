// What a configuration file says, before anybody asks whether it makes sense. Every value and every key knows where it stands.

import type { Span } from "./source.ts";

/** What all values have. */
interface Placed {
  /** Where the value stands; for a variable, where it is used. */
  readonly span: Span;
  /** For a variable: where its value was written. */
  readonly from?: Span;
}

/** A text: quoted, unquoted, or a block in parentheses. */
export interface StringValue extends Placed {
  readonly kind: "string";
  readonly value: string;
}

/** A whole number, its size suffix worked in; fits 64 bits with a sign. */
export interface IntegerValue extends Placed {
  readonly kind: "integer";
  readonly value: bigint;
}

/** A number with a fraction. */
export interface FloatValue extends Placed {
  readonly kind: "float";
  readonly value: number;
}

/** Yes or no, under any of its six names. */
export interface BooleanValue extends Placed {
  readonly kind: "boolean";
  readonly value: boolean;
}

/** A moment, `2016-05-04T18:53:41Z`; kept as it was written. */
export interface DateValue extends Placed {
  readonly kind: "date";
  readonly value: string;
}

/** What stands between brackets. */
export interface ArrayValue extends Placed {
  readonly kind: "array";
  readonly items: readonly ConfigValue[];
}

/** What stands between braces, or a whole file. */
export interface MapValue extends Placed {
  readonly kind: "map";
  /** In the order of the file; of two entries with one key the later counts. */
  readonly entries: Map<string, Entry>;
}

/** Stands for a value that could not be read and was reported; whoever meets it says nothing more. */
export interface BrokenValue extends Placed {
  readonly kind: "broken";
}

/** Any value. */
export type ConfigValue =
  | StringValue
  | IntegerValue
  | FloatValue
  | BooleanValue
  | DateValue
  | ArrayValue
  | MapValue
  | BrokenValue;

/** A key with its value. */
export interface Entry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: ConfigValue;
  /** Whether `$key` was used: such an entry need not be a directive. */
  usedAsVariable: boolean;
}

const KIND_TEXTS: Readonly<Record<ConfigValue["kind"], string>> = {
  string: "a string",
  integer: "a whole number",
  float: "a number with a fraction",
  boolean: "a boolean",
  date: "a date",
  array: "a list",
  map: "a block",
  broken: "something unreadable",
};

/** What a value is, for a message: `a string`. */
export function kindText(value: ConfigValue): string {
  return KIND_TEXTS[value.kind];
}
