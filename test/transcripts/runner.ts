// Plays a session against a server and writes down what came back, in the form that stands below `----`.

import { TEXT_OPTION } from "../support/configuration.ts";
import type { ServerLine } from "../support/server-lines.ts";
import type { ReloadableServer, Target } from "../support/target.ts";
import { WireClient } from "../support/wire-client.ts";
import type { Session, Step } from "./session.ts";
import { stepsOf } from "./session.ts";

/** What a client sends first when the session does not say. */
const PLAIN_CONNECT = Buffer.from('CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n');

/** Shorter values could stand in a line by chance. */
const FOLDED_LENGTH_MIN = 3;

/** Why a reload is refused, where servers say it in the same words; of a broken configuration each speaks its own. */
const NOT_SUPPORTED = /: config reload not supported for .*$|: no_auth_user: .*$/;

/** Turns one write of a client into several. */
export type Cutter = (bytes: Buffer) => readonly Buffer[];

/**
 * Plays a whole session, once for each of its values, each time on a new server.
 *
 * @param cutter - Makes what cuts the writes of one play; they go out as written without it.
 * @returns The lines for below `----`.
 * @throws Error when a wait is not met, or the server closes a connection of which the session does not say so.
 */
export async function playSession(
  session: Session,
  target: Target,
  cutter: () => Cutter = () => (bytes) => [bytes],
): Promise<string[]> {
  if (session.each === null) return playOnce(session, null, target, cutter());
  const { name, values } = session.each;
  const outcomes = new Map<string, string[]>();
  for (const value of values) {
    const lines = await playValue(session, value, target, cutter());
    const outcome = folded(lines, name, value).join("\n");
    const same = outcomes.get(outcome);
    if (same === undefined) outcomes.set(outcome, [value]);
    else same.push(value);
  }
  return [...outcomes].flatMap(([outcome, of]) => {
    return [`${name} ${of.map((value) => `"${value}"`).join(" ")}:`, ...(outcome === "" ? [] : outcome.split("\n"))];
  });
}

/** Puts `{name}` where the value stands, so that values with like outcomes share one. Short values are left alone. */
function folded(lines: readonly string[], name: string, value: string): string[] {
  return lines.map((line) => (value.length < FOLDED_LENGTH_MIN ? line : line.replaceAll(value, `{${name}}`)));
}

async function playValue(session: Session, value: string, target: Target, cut: Cutter): Promise<string[]> {
  try {
    return await playOnce(session, value, target, cut);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${session.place}: it failed for "${value}": ${why}`, { cause });
  }
}

async function playOnce(session: Session, value: string | null, target: Target, cut: Cutter): Promise<string[]> {
  const server = await target.start(session.options);
  const clients = new Map<string, WireClient>();
  try {
    const refusals = await playSteps(session, cutSteps(stepsOf(session, value), cut), server, clients);
    return [...transcriptOf(session, clients), ...refusals];
  } finally {
    for (const client of clients.values()) client.destroy();
    await server.stop();
  }
}

function cutSteps(steps: readonly Step[], cut: Cutter): Step[] {
  return steps.map((step) =>
    step.kind === "send" ? { ...step, writes: step.writes.flatMap((one) => cut(one)) } : step,
  );
}

async function playSteps(
  session: Session,
  steps: readonly Step[],
  server: ReloadableServer,
  clients: Map<string, WireClient>,
): Promise<readonly string[]> {
  const refusals: string[] = [];
  const saidClosed = new Set<string>();
  const needsConnect = ["user", "token", TEXT_OPTION].some((name) => session.options.has(name));
  const settle = async (client: WireClient | undefined): Promise<void> => {
    // Where a CONNECT must come first, a PING before it would be refused.
    if (client !== undefined && (client.sent.connected || !needsConnect)) await client.settle();
  };
  let last: WireClient | undefined;
  for (const step of steps) {
    if (step.kind === "reload") {
      if (last !== undefined) await settle(last);
      last = undefined;
      const refusal = await server.reload(new Map([[TEXT_OPTION, step.text]]));
      refusals.push(...(refusal === null ? [] : [`reload refused${NOT_SUPPORTED.exec(`: ${refusal}`)?.[0] ?? ""}`]));
      continue;
    }
    if (last !== undefined && last.name !== step.client) await settle(last);
    let client = clients.get(step.client);
    if (client === undefined) {
      client = await WireClient.connect(step.client, server.wires);
      clients.set(step.client, client);
      if (session.connects && step.kind === "send" && !beginsWithConnect(step)) await client.send(PLAIN_CONNECT);
    }
    last = client;
    if (step.kind === "send") await client.send(...step.writes);
    else if (step.kind === "waits") await client.untilReceived(step.bytes);
    else if (step.kind === "is closed") await client.untilClosed();
    else if (step.kind === "closes") await client.close();
    if (step.kind === "is closed" || step.kind === "closes") saidClosed.add(step.client);
  }
  await settle(last);
  for (const client of clients.values()) if (client !== last) await settle(client);
  for (const client of clients.values()) {
    if (client.closed && !saidClosed.has(client.name)) {
      const came = client.received.lines.map((line) => `  ${line.text}`).join("\n");
      throw new Error(
        `${session.place}: the server closed ${client.name}; say "${client.name} is closed". What came:\n${came}`,
      );
    }
  }
  return refusals;
}

function beginsWithConnect(step: Step): boolean {
  return step.kind === "send" && /^connect\s/i.test(Buffer.concat(step.writes).toString("latin1"));
}

function transcriptOf(session: Session, clients: ReadonlyMap<string, WireClient>): string[] {
  const pooled: string[] = [];
  const lines: string[] = [];
  for (const client of [...clients.values()].toSorted((x, y) => (x.name < y.name ? -1 : 1))) {
    const own: ServerLine[] = [];
    for (const line of shownLines(session, client)) {
      if (isChosen(session, client.name, line)) pooled.push(pooledText(session, line));
      else own.push(line);
    }
    for (const line of inOrderOfSids(own)) lines.push(`${client.name} < ${line.text}`);
    if (client.received.rest.length > 0) lines.push(`${client.name} < unfinished ${client.received.rest.toString()}`);
    if (client.closed) lines.push(`${client.name} closed`);
  }
  return [...lines, ...pooled.toSorted()];
}

/** What the session's own steps brought: without the first INFO, the runner's PONGs and the server's own PINGs. */
function shownLines(session: Session, client: WireClient): ServerLine[] {
  let pongs = 0;
  return client.received.lines.filter((line, index) => {
    if (line.kind === "info" && index === 0) return session.showsInfo;
    if (line.kind === "ping") return session.options.has("ping_interval");
    if (line.kind === "pong") return !client.ownPongs.has(pongs++);
    return true;
  });
}

/** Copies of one message for several subscriptions of a client come in any order: here in that of their sids. */
function inOrderOfSids(lines: readonly ServerLine[]): ServerLine[] {
  const ordered: ServerLine[] = [];
  for (let start = 0; start < lines.length; ) {
    let end = start + 1;
    while (end < lines.length && withoutSid(lines[end]) === withoutSid(lines[start])) end++;
    const copies = lines.slice(start, end);
    ordered.push(...(lines[start]?.kind === "msg" ? copies.toSorted((x, y) => (x.text < y.text ? -1 : 1)) : copies));
    start = end;
  }
  return ordered;
}

function withoutSid(line: ServerLine | undefined): string {
  return line?.kind === "msg" ? line.text.replace(` ${line.words[2]}`, "") : (line?.text ?? "");
}

function isChosen(session: Session, client: string, line: ServerLine): boolean {
  return line.kind === "msg" && session.choices.some((one) => one.client === client && one.sid === line.words[2]);
}

function pooledText(session: Session, line: ServerLine): string {
  const clients = [...new Set(session.choices.map((choice) => choice.client))].join(", ");
  const sids = [...new Set(session.choices.map((choice) => choice.sid))].join("|");
  const [op, subject] = line.words;
  const rest = line.text.slice(`${op} ${subject} ${line.words[2]}`.length);
  return `one of ${clients} < ${op} ${subject} ${sids}${rest}`;
}
