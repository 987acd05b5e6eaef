// myelin store verify and repair: runs them, and tells what came of it.

import { NodeClock, NodeRandom } from "@myelin/platform/node";
import { repairStore, type SeqRun, type StoreProblem, type VerifiedStream, verifyStore } from "@myelin/store";
import { CliError, errorText } from "../cli-error.ts";
import type { Outside } from "../outside.ts";
import { folderAt, type KeyFlags, optionsOf } from "./folder.ts";

/** Flags of both commands. */
export interface CheckOptions extends KeyFlags {
  readonly json?: boolean;
}

/** Something is damaged, or lost: told apart from a command that could not do its work. */
const EXIT_DAMAGE = 2;
/** More runs of sequences are not named one by one. */
const RUNS_SHOWN = 20;

/** Tells what is wrong with a folder. Ends with 2 when something needs a repair, or is lost. */
export async function verifyFolder(folder: string, options: CheckOptions, { output }: Outside): Promise<void> {
  const verdict = await verifyStore(folderAt(folder), new NodeClock(), new NodeRandom(), optionsOf(options));
  const { problems, streams, reports, refusal } = verdict;
  if (options.json === true) {
    const refused = refusal === null ? null : { code: refusal.code, message: refusal.message };
    output.line(JSON.stringify({ problems, streams, reports, refusal: refused }, null, 2));
  } else {
    if (refusal === null) tellStreams(output, streams); // else nobody knows what there is
    if (problems.length > 0) output.line(`\nProblems:\n\n${problems.map(problemLine).join("\n")}`);
    if (reports.length > 0)
      output.line(`\nOpening it would report:\n\n${reports.map((line) => `  ${line}`).join("\n")}`);
    if (problems.length + reports.length === 0 && refusal === null) output.line("\nNothing is wrong.");
  }
  if (refusal !== null) throw new CliError(errorText(refusal), refusal.code === "DAMAGED" ? EXIT_DAMAGE : 1);
  const repairable = problems.filter(({ cost }) => cost === "copy" || cost === "messages").length;
  if (repairable > 0) {
    throw new CliError(
      `${repairable} of ${problems.length} problems want a repair: run \`myelin store repair ${folder}\``,
      EXIT_DAMAGE,
    );
  }
  failIfLost(
    streams,
    problems.filter(({ cost }) => cost === "known").flatMap(({ lost }) => lost),
  );
}

/** Repairs a folder. Ends with 2 when messages are lost. */
export async function repairFolder(folder: string, options: CheckOptions, { output }: Outside): Promise<void> {
  const disk = folderAt(folder);
  const repair = await repairStore(disk, new NodeClock(), new NodeRandom(), optionsOf(options));
  const { restored, streams, reports } = repair;
  if (options.json === true) {
    output.line(JSON.stringify({ restored, streams, reports }, null, 2));
  } else {
    tellStreams(output, streams);
    const done = [...restored.map((path) => `${path}: made whole from its other copy`), ...reports];
    output.line(
      done.length === 0 ? "\nNothing had to be repaired." : `\nDone:\n\n${done.map((line) => `  ${line}`).join("\n")}`,
    );
  }
  failIfLost(streams, []);
}

/** @param known - Runs that were told of, and kept, before. */
function failIfLost(streams: readonly VerifiedStream[], known: readonly SeqRun[]): void {
  // Not all of them need have had a message.
  let sequences = 0;
  for (const { lost } of streams) sequences += countOf(lost);
  sequences -= countOf(known);
  if (sequences <= 0) return;
  throw new CliError(
    `${sequences} sequences are lost; what is left of their messages is in the folder's quarantine/. Everything else can be used`,
    EXIT_DAMAGE,
  );
}

function tellStreams(output: Outside["output"], streams: readonly VerifiedStream[]): void {
  for (const { name, messages, firstSeq, lastSeq, lost } of streams) {
    const range = messages === 0 ? `up to sequence ${lastSeq}` : `sequences ${firstSeq} to ${lastSeq}`;
    const missing = lost.length === 0 ? "" : `; lost: ${runsText(lost)}`;
    output.line(`${JSON.stringify(name)}: ${messages} messages, ${range}${missing}`);
  }
  if (streams.length === 0) output.line("No streams.");
}

function problemLine({ path, offset, length, text, stream, lost, cost }: StoreProblem): string {
  const costs: Record<StoreProblem["cost"], string> = {
    nothing: "costs nothing",
    copy: "the other copy is whole",
    messages: lost.length === 0 ? "there is no other copy" : `${JSON.stringify(stream)} loses ${runsText(lost)}`,
    known: `${JSON.stringify(stream)} loses ${runsText(lost)}; the bytes are in quarantine already`,
  };
  return `  ${path} at ${offset}, ${length} bytes: ${text}; ${costs[cost]}`;
}

function runsText(runs: readonly SeqRun[]): string {
  const shown = runs
    .slice(0, RUNS_SHOWN)
    .map(([first, last]) => (first === last ? String(first) : `${first} to ${last}`));
  const more = runs.length > RUNS_SHOWN ? ` and ${runs.length - RUNS_SHOWN} more runs` : "";
  return `sequences ${shown.join(", ")}${more}`;
}

function countOf(runs: readonly SeqRun[]): number {
  return runs.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}
