// myelin reply: answers requests, with a text, with what they hold, or with what a command prints.

import { spawn } from "node:child_process";
import { headers as createHeaders, deferred, type Msg, type MsgHdrs, type NatsConnection } from "@myelin/client";
import { Command } from "commander";
import { argument } from "../argument.ts";
import { errorText } from "../cli-error.ts";
import { openConnection, settle } from "../connection.ts";
import { parseDuration } from "../duration.ts";
import type { GlobalOptions } from "../global-options.ts";
import { aborted } from "../interrupts.ts";
import { collect, fillHeaders, readHeaders, readTemplate } from "../message-parts.ts";
import { headerLines, quoted } from "../message-text.ts";
import type { Outside } from "../outside.ts";
import { pause } from "../pause.ts";
import { parsePositive } from "../quantity.ts";
import { splitWords } from "../shell-words.ts";
import { TEMPLATE_HELP } from "../template-help.ts";

interface ReplyOptions extends GlobalOptions {
  readonly echo?: boolean;
  readonly command?: string;
  readonly queue: string;
  readonly sleep: number;
  readonly header?: string[];
  readonly count?: number;
}

/** natscli's: services of both programs share the requests. */
const DEFAULT_QUEUE = "NATS-RPLY-22";

/** What an answer is made of. */
interface Answer {
  readonly body: string | Uint8Array;
  readonly headers: MsgHdrs | undefined;
}

type Responder = (request: Msg, count: number) => Answer | Promise<Answer>;

/** The command. */
export function replyCommand(outside: Outside): Command {
  return new Command("reply")
    .summary("answer requests")
    .description(
      `Answers requests with a body, with what they hold (--echo), or with what a command prints (--command).

In a command {{0}}, {{1}} and so on are the tokens of the request's subject, and {{Request}} is its body; both are in
the environment as well, as NATS_REQUEST_SUBJECT and NATS_REQUEST_BODY. No shell is involved.

${TEMPLATE_HELP}
  {{Request}}         body of the request`,
    )
    .argument("<subject>", "subject to answer on")
    .argument("[body]", "body of the answers")
    .option("--echo", "send back what the request holds")
    .option("--command <command>", "run a command for each request and send back what it prints")
    .option("-q, --queue <group>", "queue group", DEFAULT_QUEUE)
    .option("--sleep <max>", "wait before each answer, at random up to this duration", argument(parseDuration), 0)
    .option("-H, --header <name:value>", "add a header; may be given several times", collect)
    .option("--count <n>", "end after so many requests", argument(parsePositive))
    .action(async (subject: string, body: string | undefined, _options: unknown, self: Command) => {
      await reply(subject, body ?? "", self.optsWithGlobals<ReplyOptions>(), outside);
    });
}

async function reply(subject: string, body: string, options: ReplyOptions, outside: Outside): Promise<void> {
  const { output, interrupts } = outside;
  const respond = responder(body, options, outside);
  const connection = await openConnection(options, output);
  const { queue, count: limit } = options;
  let answered = 0;
  let handled = 0;
  const enough = deferred<void>();
  const handle = async (error: Error | null, request: Msg): Promise<void> => {
    if (error !== null) return;
    showRequest(request, answered, outside);
    await pause(Math.random() * options.sleep, interrupts.signal);
    const answer = await respond(request, answered);
    const sent = request.respond(answer.body, answer.headers === undefined ? {} : { headers: answer.headers });
    if (sent) answered++;
    else output.log("Could not publish reply: the message has no reply subject");
    if (++handled === limit) enough.resolve();
  };
  try {
    connection.subscribe(subject, {
      queue,
      // One after the other: answers come in the order of the requests.
      concurrency: 1,
      callback: handle,
      ...(limit === undefined ? {} : { max: limit }),
    });
    await settle(connection, options);
    output.log(`Listening on ${quoted(subject)} in group ${quoted(queue)}`);
    await Promise.race([aborted(interrupts.signal), enough, failed(connection)]);
    output.log("Draining...");
    if (connection.isConnected()) await connection.drain({ timeout: options.timeout });
  } finally {
    await connection.close();
  }
}

/** Rejects when the connection is closed by an error, or the server refuses the subscription. */
async function failed(connection: NatsConnection): Promise<never> {
  const error = await new Promise<Error>((resolve) => {
    connection.on("error", (status) => resolve(status.error));
    void connection.closed().then((reason) => resolve(reason ?? new Error("the connection is closed")));
  });
  throw error;
}

function showRequest(request: Msg, count: number, { output }: Outside): void {
  output.log(`[#${count}] Received on subject ${quoted(request.subject)}:`);
  for (const line of headerLines(request.headers)) output.log(line);
  output.line();
  output.line(request.data);
}

function responder(body: string, options: ReplyOptions, outside: Outside): Responder {
  const { output } = outside;
  const templates = readHeaders(options.header);
  const { command } = options;
  if (options.echo === true || (body === "" && command === undefined)) {
    if (options.echo !== true) output.log("No body or command supplied, enabling echo mode");
    return ({ data, headers }, count) => {
      const echoed = fillHeaders(templates, { count }) ?? createHeaders();
      for (const [name, values] of headers ?? []) for (const value of values) echoed.append(name, value);
      echoed.append("NATS-Reply-Counter", String(count));
      return { body: data, headers: echoed };
    };
  }
  if (command !== undefined) return commandResponder(command, options, outside);
  const template = readTemplate(body, "body", output);
  return (request, count) => {
    const text = template({ count, request: request.string() });
    return { body: text, headers: fillHeaders(templates, { count }) };
  };
}

function commandResponder(command: string, { header, trace }: ReplyOptions, { output }: Outside): Responder {
  const headers = readHeaders(header);
  // Split first and filled in afterwards: what a request holds cannot become further arguments.
  const words = splitWords(command).map((word) => readTemplate(word, "command", output));
  return async (request, count) => {
    const values = { count, request: request.string(), tokens: request.subject.split(".") };
    const [program = "", ...args] = words.map((word) => word(values));
    if (trace === true) output.log(`Executing: ${[program, ...args].join(" ")}`);
    const env = { ...process.env, NATS_REQUEST_SUBJECT: request.subject, NATS_REQUEST_BODY: values.request };
    const { printed, problem } = await run(program, args, env);
    if (problem !== null) output.log(`Command ${quoted(program)} failed to run: ${problem}`);
    return { body: printed, headers: fillHeaders(headers, { count }) };
  };
}

/** Runs a program; gives what it printed to stdout and stderr, in the order it came. */
async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ printed: Buffer; problem: string | null }> {
  const chunks: Buffer[] = [];
  const ended = new Promise<string | null>((resolve) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("error", (error) => resolve(errorText(error)));
    child.once("close", (code, signal) => resolve(code === 0 ? null : (signal ?? `exit status ${code}`)));
  });
  // What cannot be spawned at all (a zero byte in an argument) is thrown.
  const problem = await ended.catch(errorText);
  return { printed: Buffer.concat(chunks), problem };
}
