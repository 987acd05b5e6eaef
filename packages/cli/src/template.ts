// Templates in subjects, bodies and header values: the part of Go's text/template that natscli's commands make use of.
//
//   Message {{Count}} of {{.TimeStamp}}: {{ Random 10 100 }} {{- "text" -}}
//
// A template is read once and filled in per message. What cannot be read is an error of `parseTemplate`; callers send
// the text as it is then, with a word on stderr, because a body may hold braces for its own reasons.

import { randomInt } from "node:crypto";
import { NodeRandom } from "@myelin/platform/node";
import { Nuid } from "@myelin/protocol";

/** What one filling is about. */
export interface TemplateValues {
  /** The number of the message. */
  readonly count: number;
  /** The payload of the request that is answered; absent where there is none. */
  readonly request?: string;
  /** Tokens of the subject that a request came on: `{{0}}`, `{{1}}`. Other numbers stand for themselves. */
  readonly tokens?: readonly string[];
}

/** A text that is filled in per message. */
export type Template = (values: TemplateValues) => string;

/** A template that cannot be read. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

type Part = (values: TemplateValues, now: Date) => string;

const ACTION = /\{\{(- )?([\s\S]*?)( -)?\}\}/g;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/** Longest random text; a message can hardly be larger. */
const RANDOM_MAX = 64 * 1024 * 1024;

/** What may stand between the braces without arguments, with and without a dot before it. */
const PLAIN: ReadonlyMap<string, Part> = new Map<string, Part>([
  ["Count", ({ count }) => String(count)],
  ["Cnt", ({ count }) => String(count)],
  ["Unix", (_values, now) => String(Math.floor(now.getTime() / 1000))],
  ["UnixNano", () => String(unixNano())],
  ["TimeStamp", (_values, now) => rfc3339(now)],
  ["Time", (_values, now) => kitchenTime(now)],
  ["ID", () => new Nuid(new NodeRandom()).next()],
  ["Request", ({ request }) => request ?? ""],
]);

/**
 * Reads a template.
 *
 * @throws TemplateError for an action that is not known, and for braces that do not close.
 */
export function parseTemplate(text: string): Template {
  if (!text.includes("{{")) return () => text;
  const parts: Part[] = [];
  let at = 0;
  let trimNext = false;
  for (const { 0: whole, 1: trimBefore, 2: action, 3: trimAfter, index } of text.matchAll(ACTION)) {
    parts.push(literal(text.slice(at, index), trimNext, trimBefore !== undefined));
    parts.push(parseAction(action as string));
    trimNext = trimAfter !== undefined;
    at = index + whole.length;
  }
  const rest = text.slice(at);
  if (rest.includes("{{")) throw new TemplateError(`an action is not closed: ${JSON.stringify(rest.slice(0, 40))}`);
  parts.push(literal(rest, trimNext, false));
  return (values) => {
    const now = new Date();
    return parts.map((part) => part(values, now)).join("");
  };
}

function literal(text: string, trimStart: boolean, trimEnd: boolean): Part {
  const started = trimStart ? text.trimStart() : text;
  const trimmed = trimEnd ? started.trimEnd() : started;
  return () => trimmed;
}

function parseAction(source: string): Part {
  const words = source.trim().match(/"(?:[^"\\]|\\.)*"|`[^`]*`|[^\s]+/g) ?? [];
  const [name = "", ...args] = words;
  if (name.startsWith("/*") && source.trim().endsWith("*/")) return () => "";
  const plain = PLAIN.get(name.replace(/^\./, ""));
  if (plain !== undefined && args.length === 0) return plain;
  if (name === "Random") return randomPart(args);
  if (/^\d+$/.test(name) && args.length === 0) return ({ tokens }) => tokens?.[Number(name)] ?? name;
  if (/^["`]/.test(name) && args.length === 0) return literal(unquoted(name), false, false);
  if (plain !== undefined) throw new TemplateError(`${name} takes no arguments: {{${source}}}`);
  const known = [...PLAIN.keys(), "Random <min> <max>"].join(", ");
  throw new TemplateError(`{{${source}}} is not known; known are ${known}`);
}

function randomPart(args: readonly string[]): Part {
  const numbers = args.map(Number);
  const [first = -1, second = -1] = numbers;
  const usable = numbers.length === 2 && numbers.every((n) => Number.isInteger(n) && n >= 0 && n <= RANDOM_MAX);
  if (!usable)
    throw new TemplateError(`Random takes two whole numbers from 0 to ${RANDOM_MAX}, as in {{Random 10 100}}`);
  return () => randomText(Math.min(first, second), Math.max(first, second));
}

function randomText(min: number, max: number): string {
  let text = "";
  for (let left = randomInt(min, max + 1); left > 0; left--) text += LETTERS.charAt(randomInt(LETTERS.length));
  return text;
}

function unquoted(word: string): string {
  return word.startsWith("`") ? word.slice(1, -1) : String(JSON.parse(word));
}

function unixNano(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1_000)) * 1_000n;
}

/** `2006-01-02T15:04:05+02:00` of local time; `Z` where that is UTC. */
export function rfc3339(date: Date): string {
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const minutes = Math.abs(offset);
  return `${local}${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** `3:04PM` of local time. */
function kitchenTime(date: Date): string {
  const hours = date.getHours();
  return `${hours % 12 === 0 ? 12 : hours % 12}:${two(date.getMinutes())}${hours < 12 ? "AM" : "PM"}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
