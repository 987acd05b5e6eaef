// myelin req: sends requests and shows what comes back.

import { type Msg, type NatsConnection, NoRespondersError, TimeoutError } from "@myelin/client";
import { Command } from "commander";
import { argument } from "../argument.ts";
import { bodiesOf, readsStdin, type SendOn } from "../bodies.ts";
import { CliError } from "../cli-error.ts";
import { openConnection } from "../connection.ts";
import { goDuration, parseDuration } from "../duration.ts";
import type { GlobalOptions } from "../global-options.ts";
import { collect, fillHeaders, readBody, readHeaders, readTemplate } from "../message-parts.ts";
import {
  AS_IT_IS,
  headerLines,
  messageJson,
  printBody,
  quoted,
  type Translate,
  translateWith,
} from "../message-text.ts";
import type { Outside } from "../outside.ts";
import { parseCount, parsePositive } from "../quantity.ts";
import { TEMPLATE_HELP } from "../template-help.ts";
import { stdinOption } from "./pub.ts";

interface ReqOptions extends GlobalOptions {
  readonly raw?: boolean;
  readonly json?: boolean;
  readonly header?: string[];
  readonly count: number;
  readonly replies: number;
  readonly replyTimeout: number;
  readonly translate?: string;
  readonly forceStdin?: boolean;
  readonly sendOn: SendOn;
  readonly templates: boolean;
}

/** How long further replies may take when the first has come. */
const REPLY_TIMEOUT_MS = 300;

/** The command. */
export function reqCommand(outside: Outside): Command {
  return new Command("request")
    .alias("req")
    .summary("send a request and show the replies")
    .description(`Sends a request and shows what comes back. Waits --timeout for the first reply.\n\n${TEMPLATE_HELP}`)
    .argument("<subject>", "subject to send the request to")
    .argument("[body]", "body of the request; - reads it from stdin")
    .option("-r, --raw", "print the bodies of replies only")
    .option("-j, --json", "print each reply as a line of JSON")
    .option("-H, --header <name:value>", "add a header; may be given several times", collect)
    .option("--count <n>", "send so many requests, one after the other", argument(parsePositive), 1)
    .option(
      "--replies <n>",
      "wait for so many replies; 0 takes all that come within --timeout",
      argument(parseCount),
      1,
    )
    .option("--reply-timeout <duration>", "longest wait between replies", argument(parseDuration), REPLY_TIMEOUT_MS)
    .option("--translate <command>", "give each reply to a command and show what it prints")
    .option("--force-stdin", "read the body from stdin, also when no terminal is there")
    .addOption(stdinOption())
    .option("--templates", "fill in templates in subject and body", true)
    .option("--no-templates", "send subject and body as they are")
    .action(async (subject: string, body: string | undefined, _options: unknown, self: Command) => {
      await requestAll(subject, body, self.optsWithGlobals<ReqOptions>(), outside);
    });
}

async function requestAll(
  subject: string,
  body: string | undefined,
  options: ReqOptions,
  outside: Outside,
): Promise<void> {
  const { output, stdin, interrupts } = outside;
  const { forceStdin = false, sendOn, templates } = options;
  const headers = readHeaders(options.header);
  const translate = options.translate === undefined ? AS_IT_IS : translateWith(options.translate);
  const source = { body, forceStdin, sendOn, isTerminal: output.isTerminal };
  const connection = await openConnection(options, output);
  try {
    if (readsStdin(source) && isChatty(options)) output.log("Reading payload from STDIN");
    const subjectOf = templates ? readTemplate(subject, "subject", output) : () => subject;
    for await (const text of bodiesOf(source, stdin, interrupts.signal)) {
      const bodyOf = readBody(text, templates, output);
      for (let count = 1; count <= options.count && !interrupts.signal.aborted; count++) {
        const values = { count };
        const request = { subject: subjectOf(values), body: bodyOf(values), headers: fillHeaders(headers, values) };
        if (isChatty(options)) output.log(`Sending request on ${quoted(request.subject)}`);
        const shown = (msg: Msg, rttMs: number): void => show(msg, rttMs, options, translate, outside);
        const replies = await requestOne(connection, request, options, interrupts.signal, shown);
        if (replies === 0 && !interrupts.signal.aborted) throw noReply(request.subject, options);
      }
    }
    if (interrupts.signal.aborted) throw new CliError("interrupted");
  } finally {
    await connection.close();
  }
}

interface Request {
  readonly subject: string;
  readonly body: string | Uint8Array;
  readonly headers: ReturnType<typeof fillHeaders>;
}

/** Sends one request and hands its replies on as they come. Returns how many came. */
async function requestOne(
  connection: NatsConnection,
  { subject, body, headers }: Request,
  options: ReqOptions,
  signal: AbortSignal,
  shown: (msg: Msg, rttMs: number) => void,
): Promise<number> {
  const inbox = connection.newInbox();
  const subscription = connection.subscribe(inbox);
  const startedMs = performance.now();
  connection.publish(subject, body, { reply: inbox, ...(headers === undefined ? {} : { headers }) });
  let count = 0;
  let totalMs = 0;
  let waitMs = options.timeout;
  try {
    while ((options.replies === 0 || count < options.replies) && waitMs > 0) {
      const msg = await nextReply(subscription.nextMsg({ timeout: waitMs, signal }), subject, signal);
      if (msg === null) break;
      const rttMs = performance.now() - startedMs;
      shown(msg, rttMs);
      count++;
      totalMs += rttMs;
      // Later replies are expected about as late as those before.
      waitMs = options.replies === 0 ? options.timeout - rttMs : totalMs / count + options.replyTimeout;
    }
  } finally {
    subscription.unsubscribe();
  }
  return count;
}

/** The next reply; null when none comes in time, or the person has had enough. */
async function nextReply(next: Promise<Msg>, subject: string, signal: AbortSignal): Promise<Msg | null> {
  try {
    return await next;
  } catch (error) {
    if (error instanceof NoRespondersError) {
      throw new CliError(`No responders are available: nobody is subscribed to ${quoted(subject)}`);
    }
    if (error instanceof TimeoutError || signal.aborted) return null;
    throw error;
  }
}

function show(msg: Msg, rttMs: number, options: ReqOptions, translate: Translate, { output }: Outside): void {
  if (options.json === true) {
    output.line(messageJson(msg));
    return;
  }
  if (isChatty(options)) {
    output.log(`Received with rtt ${goDuration(rttMs)}`);
    const lines = headerLines(msg.headers);
    for (const line of lines) output.log(line);
    if (lines.length > 0) output.log("");
  }
  printBody(output, translate(msg.data, msg.subject));
}

/** Whether what is going on is told on stderr. */
function isChatty({ raw, json, count }: ReqOptions): boolean {
  return raw !== true && json !== true && count <= 20;
}

function noReply(subject: string, { timeout }: ReqOptions): CliError {
  return new CliError(`no reply from ${quoted(subject)} within ${goDuration(timeout)}: --timeout waits longer`);
}
