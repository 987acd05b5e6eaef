// What a directive is. The tables beside this file hold all of nats-server 2.15's: those that work here, and those that wait
// for a part of the server that is not there yet. The latter are refused by name, so nothing in a file is silently ignored.

/** What a value may look like; for messages and documents. Blocks are described by {@link Inside}. */
export type ValueType =
  | "string"
  | "integer"
  | "number"
  | "boolean"
  | "duration"
  | "duration string"
  | "bytes"
  | "size"
  | "listen"
  | "strings"
  | "list"
  | "map"
  | "block"
  | "list of blocks"
  | "named blocks"
  | "boolean or string"
  | "boolean or block"
  | "string or block"
  | "strings or block"
  | "boolean, string or block";

/** The block or blocks that a directive may hold. */
export interface Inside {
  /** One block, a list of them, or blocks under names that the user chooses. */
  readonly shape: "block" | "list" | "named";
  readonly block: Block;
}

/** One directive, under all its names. */
export interface Directive {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: ValueType;
  /** What it does, with its default; for the documents. */
  readonly means: string;
  /** The part of the server that it waits for; null when it works. */
  readonly waitsFor: string | null;
  readonly inside: Inside | null;
}

/** A place where directives may stand. */
export interface Block {
  /** As a path: `leafnodes.remotes[]`; for the documents. Empty for the top of a file. */
  readonly name: string;
  readonly directives: readonly Directive[];
}

/** Names (the first is the one that messages use), type, meaning, and what stands inside. */
export type Row = readonly [names: string, type: ValueType, means: string, inside?: Inside];

/**
 * Makes a block from a table.
 *
 * @param waitsFor - The part of the server that its directives wait for; null when they work.
 * @param working - First names of those that work although the others wait.
 */
export function defineBlock(
  name: string,
  waitsFor: string | null,
  rows: readonly Row[],
  working: readonly string[] = [],
): Block {
  const directives = rows.map(([names, type, means, inside]): Directive => {
    const [first, ...aliases] = names.split(" ");
    const works = waitsFor === null || working.includes(first as string);
    return { name: first as string, aliases, type, means, waitsFor: works ? null : waitsFor, inside: inside ?? null };
  });
  return { name, directives };
}

/** Holds one block. */
export function block(inner: Block): Inside {
  return { shape: "block", block: inner };
}

/** Holds a list of blocks. */
export function list(inner: Block): Inside {
  return { shape: "list", block: inner };
}

/** Holds blocks under names that the user chooses. */
export function named(inner: Block): Inside {
  return { shape: "named", block: inner };
}

/** Finds a directive under any of its names, in any case. */
export function findDirective({ directives }: Block, key: string): Directive | undefined {
  const name = key.toLowerCase();
  return directives.find((directive) => directive.name === name || directive.aliases.includes(name));
}
