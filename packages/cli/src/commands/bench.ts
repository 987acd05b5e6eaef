// myelin bench: how fast messages go. Defines the commands; what they do is in bench/.

import { Command } from "commander";
import { argument } from "../argument.ts";
import type { BenchOptions } from "../bench/run.ts";
import { NotSupportedError } from "../cli-error.ts";
import { parseDuration } from "../duration.ts";
import { collect } from "../message-parts.ts";
import type { Outside } from "../outside.ts";
import { parseCount, parsePositive, parseSize } from "../quantity.ts";
import { NEEDS_JETSTREAM } from "../refused-options.ts";

const DEFAULT_MSGS = 100_000;
const DEFAULT_SUBJECTS_MAX = 100_000;
const DEFAULT_SIZE = 128;

/** The command, with its own commands. */
export function benchCommand(outside: Outside): Command {
  const bench = new Command("bench")
    .summary("measure how fast messages go")
    .description("Measures how fast messages go. All clients of one run share one core; run it twice to load two.");
  const service = new Command("service").summary("requests and replies").description("Measures requests and replies.");
  service.addCommand(requestCommand(outside)).addCommand(serveCommand(outside));
  bench.addCommand(pubCommand(outside)).addCommand(subCommand(outside)).addCommand(service);
  for (const name of ["js", "kv", "oldjs"]) bench.addCommand(refusedCommand(name), { hidden: true });
  return bench;
}

function pubCommand(outside: Outside): Command {
  const command = benchmark("pub", "publish messages")
    .option("--sleep <duration>", "wait between messages", argument(parseDuration), 0)
    .option("--multisubject", "a subject per message: its number is the last token")
    .option("--multisubjectmax <n>", "how many subjects at most; 0: no end", argument(parseCount), DEFAULT_SUBJECTS_MAX)
    .option("--multisubjectrandomize", "choose the subjects at random");
  return addSendingOptions(command).action(async (subject: string, _options: unknown, self: Command) => {
    const { runSending } = await import("../bench/run.ts");
    await runSending("pub", subject, self.optsWithGlobals<BenchOptions>(), outside);
  });
}

function subCommand(outside: Outside): Command {
  return benchmark("sub", "receive messages, and end when all have come")
    .option("--multisubject", "subscribe to the subjects of `bench pub --multisubject`")
    .action(async (subject: string, _options: unknown, self: Command) => {
      const { runSubscribing } = await import("../bench/run.ts");
      await runSubscribing(subject, self.optsWithGlobals<BenchOptions>(), outside);
    });
}

function requestCommand(outside: Outside): Command {
  const command = benchmark("request", "send requests, each client one after the other").option(
    "--sleep <duration>",
    "wait between requests",
    argument(parseDuration),
    0,
  );
  return addSendingOptions(command).action(async (subject: string, _options: unknown, self: Command) => {
    const { runSending } = await import("../bench/run.ts");
    await runSending("request", subject, self.optsWithGlobals<BenchOptions>(), outside);
  });
}

function serveCommand(outside: Outside): Command {
  return benchmark("serve", "answer the requests of `bench service request`, until Ctrl-C")
    .option("--sleep <duration>", "wait before each answer", argument(parseDuration), 0)
    .action(async (subject: string, _options: unknown, self: Command) => {
      const { runServing } = await import("../bench/run.ts");
      await runServing(subject, self.optsWithGlobals<BenchOptions>(), outside);
    });
}

/** A benchmark with the flags that all have. */
function benchmark(name: string, summary: string): Command {
  return new Command(name)
    .summary(summary)
    .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
    .argument("<subject>", "subject to use")
    .option("--clients <n>", "how many connections", argument(parsePositive), 1)
    .option("--msgs <n>", "how many messages", argument(parsePositive), DEFAULT_MSGS)
    .option("--size <bytes>", "size of a message: 512, 1K, 2MB", argument(parseSize), DEFAULT_SIZE)
    .option("--progress", "draw progress bars on a terminal", true)
    .option("--no-progress", "draw none: measures a little better")
    .option("--csv <file>", "write the results to a file as well, as CSV")
    .option("-j, --json", "print the results as JSON");
}

function addSendingOptions(command: Command): Command {
  return command
    .option("--payload <file>", "send what a file holds, in place of zero bytes")
    .option("-H, --header <name:value>", "add a header; may be given several times", collect);
}

function refusedCommand(name: string): Command {
  return new Command(name)
    .argument("[words...]")
    .allowUnknownOption()
    .action(() => {
      throw new NotSupportedError(`bench ${name}`, NEEDS_JETSTREAM);
    });
}
