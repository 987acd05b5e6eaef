// Walks over a configuration with the tables of directives in hand: finds what is unknown, what has the wrong type, what is not
// supported yet, and gives the rest to the setters.

import { type Block, type Directive, findDirective, type Inside } from "./directives/directive.ts";
import { TOP } from "./directives/top-blocks.ts";
import type { ConfigOutside } from "./parser.ts";
import type { Problems } from "./problem.ts";
import { asksForNothing } from "./quiet.ts";
import { SETTERS, WHOLE_BLOCKS } from "./setters.ts";
import { SettingsDraft } from "./settings.ts";
import { locationOf } from "./source.ts";
import { suggestionFor, typeText } from "./suggestions.ts";
import { type ConfigValue, type Entry, kindText, type MapValue } from "./value.ts";

/**
 * Turns a configuration into settings.
 *
 * @param problems - Takes everything that is wrong; the settings are good for use only when there is no error among it.
 * @param outside - Where the files are that a configuration names, such as certificates.
 */
export function checkConfig(config: MapValue, problems: Problems, outside: ConfigOutside): SettingsDraft {
  const draft = new SettingsDraft();
  new Checker(draft, problems, outside).settings(config, TOP, "");
  return draft;
}

class Checker {
  readonly #draft: SettingsDraft;
  readonly #problems: Problems;
  readonly #outside: ConfigOutside;

  constructor(draft: SettingsDraft, problems: Problems, outside: ConfigOutside) {
    this.#draft = draft;
    this.#problems = problems;
    this.#outside = outside;
  }

  /** Takes the entries of a block that works. `path` is its name with a point, for the setters. */
  settings(map: MapValue, block: Block, path: string): void {
    const draft = this.#draft;
    const problems = this.#problems;
    for (const { directive, entry } of this.usable(map, block)) {
      const own = `${path}${directive.name}`;
      const { value } = entry;
      if (directive.inside?.shape === "block" && value.kind === "map" && !WHOLE_BLOCKS.has(own)) {
        this.settings(value, directive.inside.block, `${own}.`);
      }
      const usable = (inner: MapValue, of: Block): Iterable<{ directive: Directive; entry: Entry }> =>
        this.usable(inner, of);
      SETTERS[own]?.({ entry, directive, draft, problems, usable, readFile: this.#outside.readFile });
    }
  }

  /** The entries of a block that can be used; what is wrong with the others is reported. */
  *usable(map: MapValue, block: Block): Generator<{ directive: Directive; entry: Entry }> {
    for (const { directive, entry } of this.#known(map, block)) {
      if (entry.value.kind === "broken") continue;
      if (!fits(directive, entry.value)) this.#reportType(directive, entry);
      else if (directive.waitsFor !== null) this.#waiting(directive, entry);
      else yield { directive, entry };
    }
  }

  /** The directives of a block, unknown ones reported. Under two names the same one counts as often, the last wins. */
  *#known(map: MapValue, block: Block): Generator<{ directive: Directive; entry: Entry }> {
    const seen = new Map<Directive, Entry>();
    for (const entry of map.entries.values()) {
      const directive = findDirective(block, entry.key);
      if (directive === undefined) {
        if (!entry.usedAsVariable) this.#reportUnknown(entry, block);
        continue;
      }
      const earlier = seen.get(directive);
      if (earlier !== undefined) {
        const text = `"${entry.key}" and "${earlier.key}", at ${locationOf(earlier.keySpan)}, are one setting; the later one counts`;
        this.#problems.notice("DUPLICATE", text, entry.keySpan);
      }
      seen.set(directive, entry);
      yield { directive, entry };
    }
  }

  #waiting(directive: Directive, { key, keySpan, value }: Entry): void {
    if (directive.inside !== null) this.#names(value, directive.inside);
    if (asksForNothing(directive.name, value)) return;
    const text = `"${key}" is not supported yet: it belongs to ${directive.waitsFor}`;
    this.#problems.error("NOT_SUPPORTED", text, keySpan, "take it out to start the server without it");
  }

  /** Looks for unknown names inside of what is refused anyway: whoever mends the file wants to know all of it. */
  #names(value: ConfigValue, { shape, block }: Inside): void {
    if (shape === "block" && value.kind === "map") {
      for (const { directive, entry } of this.#known(value, block)) {
        if (directive.inside !== null) this.#names(entry.value, directive.inside);
      }
    } else if (shape === "list" && value.kind === "array") {
      for (const item of value.items) this.#names(item, { shape: "block", block });
    } else if (shape === "named" && value.kind === "map") {
      for (const { value: inner, usedAsVariable } of value.entries.values()) {
        if (!usedAsVariable) this.#names(inner, { shape: inner.kind === "array" ? "list" : "block", block });
      }
    }
  }

  #reportUnknown({ key, keySpan }: Entry, block: Block): void {
    this.#problems.error("UNKNOWN_FIELD", `unknown field ${JSON.stringify(key)}`, keySpan, suggestionFor(key, block));
  }

  #reportType(directive: Directive, { key, value }: Entry): void {
    const text = `"${key}" must be ${typeText(directive)}, not ${kindText(value)}`;
    this.#problems.error("BAD_VALUE", text, value.span, typeHint(directive, value));
  }
}

const KINDS: Readonly<Record<Directive["type"], readonly ConfigValue["kind"][]>> = {
  string: ["string"],
  integer: ["integer"],
  number: ["integer", "float", "string"],
  boolean: ["boolean"],
  duration: ["string", "integer"],
  "duration string": ["string"],
  bytes: ["integer"],
  size: ["integer", "string"],
  listen: ["integer", "string"],
  strings: ["string", "array"],
  map: ["map"],
  block: ["map"],
  list: ["array"],
  "list of blocks": ["array"],
  "named blocks": ["map", "array"],
  "boolean or string": ["boolean", "string"],
  "boolean or block": ["boolean", "map"],
  "string or block": ["string", "map"],
  "strings or block": ["string", "array", "map"],
  "boolean, string or block": ["boolean", "string", "map"],
};

function fits({ type }: Directive, { kind }: ConfigValue): boolean {
  return KINDS[type].includes(kind);
}

function typeHint({ type }: Directive, value: ConfigValue): string | null {
  if (value.from !== undefined) return `the value is from ${locationOf(value.from)}`;
  const written = value.span.source.text.slice(value.span.start, value.span.end);
  if (type === "string" && value.kind !== "map" && value.kind !== "array") return "put it into quotes";
  if (type === "duration string" && value.kind === "integer") return `give it a unit: "${value.value}s"`;
  const unquoted = /^["'](.*)["']$/.exec(written)?.[1];
  const isBare =
    unquoted !== undefined &&
    (type === "integer" || type === "bytes" ? /^-?\d+\w*$/ : /^(true|false|on|off|yes|no)$/i).test(unquoted);
  return isBare && ["integer", "bytes", "boolean"].includes(type) ? "take the quotes off" : null;
}
