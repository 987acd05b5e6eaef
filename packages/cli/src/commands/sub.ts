// myelin sub: subscribes and shows what comes.

import { mkdirSync } from "node:fs";
import { Command } from "commander";
import { argument } from "../argument.ts";
import { CliError } from "../cli-error.ts";
import { openConnection, settle } from "../connection.ts";
import { parseDuration } from "../duration.ts";
import type { GlobalOptions } from "../global-options.ts";
import { collect } from "../message-parts.ts";
import { messagePrinter, type PrintOptions } from "../message-printer.ts";
import { MessageReader, type MessageView } from "../message-reader.ts";
import { AS_IT_IS, translateWith } from "../message-text.ts";
import type { Outside } from "../outside.ts";
import { parsePositive } from "../quantity.ts";
import { NEEDS_JETSTREAM, refuseOptions } from "../refused-options.ts";

interface SubOptions extends GlobalOptions, PrintOptions {
  readonly queue?: string;
  readonly inbox?: boolean;
  readonly matchReplies?: boolean;
  readonly count?: number;
  readonly wait?: number;
  readonly translate?: string;
  readonly ignoreSubject?: string[];
  readonly reportSubjects?: boolean;
  readonly reportSubscriptions?: boolean;
  readonly reportTop: number;
}

const REPORT_EVERY_MS = 1_000;
const CLEAR_SCREEN = "\x1b[2J\x1b[H";

/** The command. */
export function subCommand(outside: Outside): Command {
  const command = new Command("subscribe")
    .alias("sub")
    .summary("subscribe to subjects and show what comes")
    .description("Subscribes to one or more subjects and shows the messages that come, until Ctrl-C.")
    .argument("[subjects...]", "subjects to subscribe to; * and > are wildcards")
    .option("--queue <group>", "join a queue group: of its members one gets each message")
    .option("-i, --inbox", "subscribe to a new inbox and show its name")
    .option("-r, --raw", "print bodies only")
    .option("-j, --json", "print each message as a line of JSON")
    .option("--dump <folder>", "write each message to a file; - writes JSON to stdout, ended by zero bytes")
    .option("--headers-only", "leave out bodies")
    .option("--subjects-only", "show the line with the subject only")
    .option("-t, --timestamp", "show when each message came")
    .option("-d, --delta-time", "show how long after the start each message came")
    .option("--translate <command>", "give each body to a command and show what it prints")
    .option("--match-replies", "wait for the replies to requests and show both together")
    .option("-I, --ignore-subject <subject>", "leave out messages on this subject; may be given several times", collect)
    .option("--count <n>", "end after so many messages", argument(parsePositive))
    .option("--wait <duration>", "end when nothing has come for so long", argument(parseDuration))
    .option("--report-subjects", "count messages and bytes per subject, in a table")
    .option("--report-subscriptions", "the same per subscription")
    .option("--report-top <n>", "how many rows the table has at most", argument(parsePositive), 10);
  refuseOptions(command, [
    ["--durable <name>", NEEDS_JETSTREAM],
    ["--ack", NEEDS_JETSTREAM],
    ["--start-sequence <sequence>", NEEDS_JETSTREAM],
    ["--all", NEEDS_JETSTREAM],
    ["--new", NEEDS_JETSTREAM],
    ["--last", NEEDS_JETSTREAM],
    ["--since <duration>", NEEDS_JETSTREAM],
    ["--last-per-subject", NEEDS_JETSTREAM],
    ["-T, --terminate-at-end", NEEDS_JETSTREAM],
    ["--stream <name>", NEEDS_JETSTREAM],
    ["--direct", NEEDS_JETSTREAM],
    ["--graph", "--report-subjects counts messages in a table"],
  ]);
  return command.action(async (subjects: string[], _options: unknown, self: Command) => {
    const options = self.optsWithGlobals<SubOptions>();
    checkOptions(subjects, options);
    await subscribe(subjects, options, outside);
  });
}

function checkOptions(subjects: readonly string[], options: SubOptions): void {
  if (subjects.length === 0 && options.inbox !== true) {
    throw new CliError("no subject is given: name one or more, such as `myelin sub 'orders.>'`, or use --inbox");
  }
  if (options.timestamp === true && options.deltaTime === true) {
    throw new CliError("--timestamp and --delta-time exclude each other: choose one");
  }
  if (options.dump === "-" && options.inbox === true) {
    throw new CliError("--dump - and --inbox exclude each other: the name of the inbox would stand in the output");
  }
}

async function subscribe(given: readonly string[], options: SubOptions, outside: Outside): Promise<void> {
  const { output, interrupts } = outside;
  if (options.dump !== undefined && options.dump !== "-") mkdirSync(options.dump, { recursive: true, mode: 0o700 });
  const connection = await openConnection(options, output);
  try {
    const subjects = given.length > 0 ? given : [connection.newInbox()];
    const reader = new MessageReader(connection, options, await viewFor(options, outside));
    const isQuiet = options.raw === true || options.json === true || options.dump !== undefined;
    if (options.matchReplies === true) {
      const replies = connection.newInbox().replace(/[^.]+$/, ">");
      if (!isQuiet) output.log(`Matching replies with inbox prefix ${replies}`);
      reader.watchReplies(replies);
    }
    reader.subscribe(subjects);
    await settle(connection, options);
    // Said when it is true: a script may wait for this line and then publish.
    const tells = !isQuiet || options.inbox === true || options.trace === true;
    if (tells) output.log(`Subscribing on ${subjects.join(", ")}`);
    if (!isQuiet && options.ignoreSubject !== undefined) {
      output.log(`Ignored subjects: ${options.ignoreSubject.join(", ")}`);
    }
    await reader.ended(interrupts.signal);
  } finally {
    output.flush();
    await connection.close();
  }
}

async function viewFor(options: SubOptions, { output }: Outside): Promise<MessageView> {
  const perSubscription = options.reportSubscriptions === true;
  if (options.reportSubjects !== true && !perSubscription) {
    const translate = options.translate === undefined ? AS_IT_IS : translateWith(options.translate);
    const print = messagePrinter(options, translate, output);
    return { show: print, end: () => {} };
  }
  const { SubjectReport } = await import("../subject-report.ts");
  const report = new SubjectReport(options.reportTop);
  // On a terminal the table is drawn anew each second; elsewhere once, at the end.
  const draw = (): void => output.line(`${output.isTerminal ? CLEAR_SCREEN : ""}${report.render()}`);
  const timer = output.isTerminal ? setInterval(draw, REPORT_EVERY_MS) : null;
  return {
    show: (msg, _count, _reply, subscription) =>
      report.add(perSubscription ? subscription : msg.subject, msg.data.length),
    end: () => {
      if (timer !== null) clearInterval(timer);
      draw();
    },
  };
}
