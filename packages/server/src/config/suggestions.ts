// What was probably meant by a name that is not known.

import { type Block, type Directive, findDirective } from "./directives/directive.ts";
import { TOP } from "./directives/top-blocks.ts";

/**
 * What to do about an unknown field; null when nothing comes to mind.
 *
 * @param key - As it was written.
 * @param block - Where it was written.
 */
export function suggestionFor(key: string, block: Block): string | null {
  const brace = /^([A-Za-z_]+)[{[]/.exec(key);
  if (brace !== null && findDirective(block, brace[1] as string) !== undefined) {
    return `put a space before "${key[(brace[1] as string).length]}"`;
  }
  const near = nearest(key.toLowerCase(), block);
  if (near !== null) return `did you mean "${near}"?`;
  const longer = block.directives.find(({ name }) => name.split("_").includes(key.toLowerCase()));
  if (longer !== undefined) return `did you mean "${longer.name}"?`;
  const home = homeOf(key, block);
  if (home !== null) return `"${key}" stands ${home.name === "" ? "at the top of the file" : `in ${home.name}`}`;
  return null;
}

function nearest(key: string, { directives }: Block): string | null {
  // One slip in three letters is still the same word; "pid" for "net" is not.
  const limit = Math.max(1, Math.floor(key.length / 3));
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const name of directives.flatMap(({ name: first, aliases }) => [first, ...aliases])) {
    if (Math.abs(name.length - key.length) >= bestDistance) continue;
    const distance = editDistance(key, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, (last[j] as number) + 1, (row[j - 1] as number) + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) cost = Math.min(cost, (beforeLast[j - 2] as number) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}

/** Another block that knows the name: the one nearest to the top. */
function homeOf(key: string, not: Block): Block | null {
  const seen = new Set<Block>([not]);
  let level: Block[] = [TOP];
  while (level.length > 0) {
    const next: Block[] = [];
    for (const block of level) {
      if (block !== not && findDirective(block, key) !== undefined) return block;
      for (const { inside } of block.directives) {
        if (inside === null || seen.has(inside.block)) continue;
        seen.add(inside.block);
        next.push(inside.block);
      }
    }
    level = next;
  }
  return null;
}

/** Words of a directive for a message: its type in plain language. */
export function typeText({ type }: Directive): string {
  const texts: Partial<Record<Directive["type"], string>> = {
    string: "a string",
    integer: "a whole number",
    boolean: "true or false",
    duration: `a duration such as "10s"`,
    "duration string": `a duration such as "10s"`,
    number: "a number",
    bytes: "a number of bytes such as 8MB, without quotes",
    size: "a number of bytes such as 8MB",
    listen: "a port or host:port",
    strings: "a string or a list of strings",
    list: "a list of strings",
    "list of blocks": "a list of blocks",
    "boolean or string": "true, false or a string",
    map: "a block",
    block: "a block",
  };
  return texts[type] ?? type;
}
