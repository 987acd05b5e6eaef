// The language of the transcripts: one file holds sessions, a session is a comment, what the clients do, a line `----`,
// and what the server answers.
//
//   # A queue group gets one copy.                  what the session shows; starts a session
//   options: max_payload=64 user=joe                of the server, by their configuration names
//   configuration: users: [ ... ]                   a line of its configuration file; several are put below each other
//   show: info                                      record the first INFO too
//   connect: no                                     send only what is written
//   choose: a 1, b 2                                receivers (client and sid) of which the server picks one
//   each size: 1e3 "" "5 "                          run once per value; {size} stands for it
//   a: SUB jobs.* workers 1                         a line, CRLF is added
//   c: PUB jobs.eu 2 "hi"                           a line and a payload, CRLF is added to both
//   c: "PU" | "B jobs.eu 2\r\n" + "x"*2 + "\r\n"    exact bytes; `|` cuts them into several writes
//   reload: max_payload: 10                         the server takes this configuration; `;` ends an entry
//   a connects                                      without sending (sending connects too)
//   a closes                                        its end of the connection
//   a waits for "PING"                              until this has come, past what it waited for before
//   a is closed                                     waits until the server has closed the connection
//   ----
//   c < MSG jobs.eu 9 2 "hi"
//   one of a, b < MSG jobs.eu 1|2 2 "hi"
//
// A client whose first step sends something else than CONNECT is connected without verbose and with headers, unless the
// session says `connect: no` or the server asks for a user or token, or has a `configuration`.
// Whenever another client's turn comes, and at the end, the runner waits until the server has worked off what was sent.

import { TEXT_OPTION } from "../support/configuration.ts";
import { unescapeBytes } from "../support/escape.ts";

/** Something a client does, or that is done to the server. */
export type Step = ClientStep | { readonly kind: "reload"; readonly text: string };

/** Something a client does. Each belongs to the client named in it. */
export type ClientStep =
  | { readonly kind: "send"; readonly client: string; readonly writes: readonly Buffer[] }
  | { readonly kind: "connects"; readonly client: string }
  | { readonly kind: "closes"; readonly client: string }
  | { readonly kind: "waits"; readonly client: string; readonly bytes: Buffer }
  | { readonly kind: "is closed"; readonly client: string };

/** One receiver among which the server chooses. */
export interface Choice {
  readonly client: string;
  readonly sid: string;
}

/** A session as it is written, before {@link Session.each} is expanded. */
export interface Session {
  /** The first sentence of its comment. */
  readonly title: string;
  /** Where it starts: `file:line`. */
  readonly place: string;
  readonly options: ReadonlyMap<string, string>;
  readonly showsInfo: boolean;
  /** False: clients send nothing but what is written. */
  readonly connects: boolean;
  readonly choices: readonly Choice[];
  /** What stands for `{name}`, as written between quotes; null for a session that runs once. */
  readonly each: { readonly name: string; readonly values: readonly string[] } | null;
  /** The step lines, with `{name}` still in them. */
  readonly stepLines: readonly string[];
  /** Everything up to and without `----`, as written. */
  readonly source: string;
  /** The lines below `----`. */
  readonly expected: readonly string[];
}

const RELOAD = "reload: ";
const STEP = /^([a-z])(?:: (.*)| (connects|closes|is closed|waits for (".*")))$/;
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const WITH_PAYLOAD = new RegExp(`^(h?pub\\s.*?) (${QUOTED}(?:\\*\\d+)?(?: \\+ ${QUOTED}(?:\\*\\d+)?)*)$`, "i");
const PIECE = new RegExp(`\\s*([|+]?)\\s*(${QUOTED})(?:\\*(\\d+))?`, "y");

/**
 * Reads a transcript file.
 *
 * @param name - Of the file, for messages.
 * @throws Error naming file and line for whatever is not in the language.
 */
export function parseSessions(name: string, text: string): Session[] {
  const sessions: Session[] = [];
  let lines: string[] = [];
  let start = 1;
  let answered = false;
  const all = text.split("\n");
  for (const [index, line] of all.entries()) {
    if (line.startsWith("#") && answered) {
      sessions.push(parseSession(`${name}:${start}`, lines));
      [lines, start, answered] = [[], index + 1, false];
    }
    if (line === "----") answered = true;
    lines.push(line);
  }
  if (lines.some((line) => line !== "")) sessions.push(parseSession(`${name}:${start}`, lines));
  return sessions;
}

/** Writes a session with other lines below `----`. */
export function formatSession(session: Session, expected: readonly string[]): string {
  return `${[session.source, "----", ...expected].join("\n")}\n`;
}

/** The steps of a session, with `value` in the place of its {@link Session.each} name. */
export function stepsOf(session: Session, value: string | null): Step[] {
  return session.stepLines.map((line) =>
    parseStep(session.place, value === null ? line : line.replaceAll(`{${session.each?.name}}`, value)),
  );
}

function parseSession(place: string, lines: readonly string[]): Session {
  const end = lines.indexOf("----");
  if (end === -1) throw new Error(`${place}: the session has no line ----`);
  const source = lines.slice(0, end);
  const comment = source.filter((line) => line.startsWith("#")).map((line) => line.slice(1).trim());
  const title = /^.*?\.(?=\s|$)|^.*$/.exec(comment.join(" "))?.[0] ?? "";
  const stepLines: string[] = [];
  const options = new Map<string, string>();
  const choices: Choice[] = [];
  let showsInfo = false;
  let connects = true;
  let each: Session["each"] = null;
  for (const line of source) {
    if (line === "" || line.startsWith("#")) continue;
    const [, head, rest = ""] = /^(options|configuration|show|connect|choose|each \w+): (.*)$/.exec(line) ?? [];
    if (head === undefined) stepLines.push(line);
    else if (head === "options") for (const option of rest.split(" ")) addOption(options, option);
    else if (head === TEXT_OPTION) options.set(TEXT_OPTION, `${options.get(TEXT_OPTION) ?? ""}${rest}\n`);
    else if (head === "choose") for (const choice of rest.split(", ")) choices.push(parseChoice(place, choice));
    else if (head === "show" && rest === "info") showsInfo = true;
    else if (head === "connect" && rest === "no") connects = false;
    else if (head.startsWith("each ")) each = { name: head.slice(5), values: parseValues(rest) };
    else throw new Error(`${place}: cannot read "${line}"`);
  }
  const expected = lines.slice(end + 1).filter((line) => line !== "");
  if (options.has("user") || options.has("token")) connects = false;
  const heads = { title, place, options, showsInfo, connects, choices, each };
  const session = { ...heads, stepLines, source: source.join("\n"), expected };
  stepsOf(session, each?.values[0] ?? null); // so that a mistake shows when the file is read
  return session;
}

function addOption(options: Map<string, string>, option: string): void {
  const [name = "", ...value] = option.split("=");
  options.set(name, value.join("="));
}

function parseChoice(place: string, choice: string): Choice {
  const [client, sid, ...more] = choice.split(" ");
  if (client === undefined || sid === undefined || more.length > 0) {
    throw new Error(`${place}: "${choice}" is not a client and a sid`);
  }
  return { client, sid };
}

/** Bare words and quoted ones; of the quoted ones what stands between the quotes, escapes and all. */
function parseValues(text: string): string[] {
  const values: string[] = [];
  for (const [word] of text.matchAll(new RegExp(`${QUOTED}|\\S+`, "g"))) {
    values.push(word.length > 1 && word.startsWith('"') ? word.slice(1, -1) : word);
  }
  return values;
}

function parseStep(place: string, line: string): Step {
  if (line.startsWith(RELOAD)) return { kind: "reload", text: line.slice(RELOAD.length) };
  const [, client, text, action, waitsFor] = STEP.exec(line) ?? [];
  if (client === undefined) throw new Error(`${place}: cannot read the step "${line}"`);
  if (text !== undefined) return { kind: "send", client, writes: parseWrites(place, text) };
  if (waitsFor !== undefined) return { kind: "waits", client, bytes: unescapeBytes(waitsFor.slice(1, -1)) };
  return { kind: action as "connects" | "closes" | "is closed", client };
}

function parseWrites(place: string, text: string): Buffer[] {
  if (text.startsWith('"')) return parsePieces(place, text);
  const [, line, payload] = WITH_PAYLOAD.exec(text) ?? [];
  if (line === undefined || payload === undefined) return [Buffer.from(`${text}\r\n`)];
  return [Buffer.concat([Buffer.from(`${line}\r\n`), ...parsePieces(place, payload), Buffer.from("\r\n")])];
}

function parsePieces(place: string, text: string): Buffer[] {
  const writes: Buffer[] = [];
  PIECE.lastIndex = 0;
  for (let at = 0; at < text.length; at = PIECE.lastIndex) {
    const [, joint, quoted, times = "1"] = PIECE.exec(text) ?? [];
    if (quoted === undefined || (joint === "") !== (at === 0)) {
      throw new Error(`${place}: cannot read the bytes from "${text.slice(at)}" on`);
    }
    const once = unescapeBytes(quoted.slice(1, -1));
    const bytes = Buffer.alloc(once.length * Number(times), once);
    const last = writes.pop();
    if (last === undefined) writes.push(bytes);
    else if (joint === "|") writes.push(last, bytes);
    else writes.push(Buffer.concat([last, bytes]));
  }
  return writes;
}
