// myelin pub: publishes messages.

import type { NatsConnection } from "@myelin/client";
import { Command, Option } from "commander";
import { argument } from "../argument.ts";
import { bodiesOf, readsStdin, type SendOn } from "../bodies.ts";
import { CliError } from "../cli-error.ts";
import { openConnection, settle } from "../connection.ts";
import { formatDuration, parseDuration } from "../duration.ts";
import type { GlobalOptions } from "../global-options.ts";
import {
  type BodyTemplate,
  collect,
  fillHeaders,
  type HeaderTemplates,
  readBody,
  readHeaders,
  readTemplate,
} from "../message-parts.ts";
import { quoted } from "../message-text.ts";
import type { Outside } from "../outside.ts";
import { pause } from "../pause.ts";
import { Progress } from "../progress.ts";
import { formatCount, parseCount } from "../quantity.ts";
import { NEEDS_JETSTREAM, refuseOptions } from "../refused-options.ts";
import type { Template } from "../template.ts";
import { TEMPLATE_HELP } from "../template-help.ts";

interface PubOptions extends GlobalOptions {
  readonly reply?: string;
  readonly header?: string[];
  readonly count: number;
  readonly sleep: number;
  readonly forceStdin?: boolean;
  readonly sendOn: SendOn;
  readonly quiet?: boolean;
  readonly templates: boolean;
}

/** More messages than this show a progress bar instead of a line each. */
const LINES_MAX = 20;

/** `--count 0` goes on until it is interrupted. */
const ENDLESS = Number.MAX_SAFE_INTEGER;

/** The command. */
export function pubCommand(outside: Outside): Command {
  const command = new Command("publish")
    .alias("pub")
    .summary("publish messages")
    .description(`Publishes messages to a subject.\n\n${TEMPLATE_HELP}`)
    .argument("<subject>", "subject to publish to")
    .argument("[body]", "body of the message; - reads it from stdin")
    .option("--reply <subject>", "subject for replies")
    .option("-H, --header <name:value>", "add a header; may be given several times", collect)
    .option("--count <n>", "publish so many messages; 0 goes on until Ctrl-C", argument(parseCount), 1)
    .option("--sleep <duration>", "wait between messages", argument(parseDuration), 0)
    .option("--force-stdin", "read the body from stdin, also when no terminal is there")
    .addOption(stdinOption())
    .option("-q, --quiet", "print nothing but errors")
    .option("--templates", "fill in templates in subject and body", true)
    .option("--no-templates", "send subject and body as they are");
  refuseOptions(command, [
    ["-J, --jetstream", NEEDS_JETSTREAM],
    ["--atomic", NEEDS_JETSTREAM],
  ]);
  return command.action(async (subject: string, body: string | undefined, _options: unknown, self: Command) => {
    await publish(subject, body, self.optsWithGlobals<PubOptions>(), outside);
  });
}

/** `--send-on`, which `req` has as well. */
export function stdinOption(): Option {
  return new Option("--send-on <when>", "send stdin whole at its end, or line by line")
    .choices(["eof", "newline"])
    .default("eof");
}

async function publish(
  subject: string,
  body: string | undefined,
  options: PubOptions,
  outside: Outside,
): Promise<void> {
  const { output, stdin, interrupts } = outside;
  const headers = readHeaders(options.header);
  const { forceStdin = false, sendOn, quiet = false, templates } = options;
  const source = { body, forceStdin, sendOn, isTerminal: output.isTerminal };
  const connection = await openConnection(options, output);
  try {
    if (readsStdin(source) && !quiet) output.log("Reading payload from STDIN");
    const subjectTemplate: Template = templates ? readTemplate(subject, "subject", output) : () => subject;
    for await (const text of bodiesOf(source, stdin, interrupts.signal)) {
      const parts = { subject: subjectTemplate, body: readBody(text, templates, output), headers };
      await publishAll(connection, parts, options, outside);
    }
    if (interrupts.signal.aborted) throw new CliError("interrupted");
    await settle(connection, options);
  } finally {
    await connection.close();
  }
}

interface Parts {
  readonly subject: Template;
  readonly body: BodyTemplate;
  readonly headers: HeaderTemplates;
}

/** Publishes one body as often as was asked for. */
async function publishAll(
  connection: NatsConnection,
  parts: Parts,
  options: PubOptions,
  outside: Outside,
): Promise<void> {
  const { output, interrupts } = outside;
  const { quiet = false, sleep } = options;
  const count = options.count === 0 ? ENDLESS : options.count;
  const lines = !quiet && count <= LINES_MAX;
  const progress = new Progress();
  if (!lines) await progress.open(output, !quiet && count !== ENDLESS);
  const bar = progress.bar(count, "Publishing");
  const startedMs = performance.now();
  let sent = 0;
  try {
    while (sent < count && !interrupts.signal.aborted) {
      const size = publishOne(connection, parts, options.reply, ++sent);
      if (lines || sleep > 0) await settle(connection, options);
      else await connection.ready();
      if (lines) output.log(`Published ${size} bytes to ${quoted(parts.subject({ count: sent }))}`);
      bar.add(1);
      if (sent < count) await pause(sleep, interrupts.signal);
    }
    await settle(connection, options);
  } finally {
    progress.close();
  }
  const took = formatDuration(performance.now() - startedMs);
  if (!lines && !quiet) output.log(`Published ${formatCount(sent)} messages in ${took}`);
}

/** Publishes, and says how many bytes the body has. */
function publishOne(connection: NatsConnection, parts: Parts, reply: string | undefined, count: number): number {
  const values = { count };
  const body = parts.body(values);
  const headers = fillHeaders(parts.headers, values);
  connection.publish(parts.subject(values), body, {
    ...(headers === undefined ? {} : { headers }),
    ...(reply === undefined ? {} : { reply }),
  });
  return typeof body === "string" ? Buffer.byteLength(body) : body.length;
}
