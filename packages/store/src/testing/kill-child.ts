// The process that the kill test kills, and that works when power-loss.mjs takes the disk away: appends and removes on a real disk, and writes what is durable to a file, line by line.
// Not to standard output: a pipe that is full would hold lines back in this process, and they would die with it.
// On standard output it says one line per step, for the parent to count.
//
// Arguments: folder, that file, a seed, more options of the store as JSON.
//
//   a <stream> <seq> <payload>    this append is durable
//   r <stream> <seq>              this removal was asked for
//   d <stream> <seq>              this removal is durable

import { openSync, writeSync } from "node:fs";
import { NodeClock, NodeDisk, NodeRandom } from "@myelin/platform/node";
import { SimRandom } from "@myelin/platform/sim";
import { FileStore } from "../file/file-store.ts";
import type { FileStoreOptions } from "../file/options.ts";
import { MessageDraft } from "../message-draft.ts";
import { NO_LIMITS, type StreamLimits } from "../store.ts";
import { KILL_OPTIONS } from "./told.ts";

const [folder, told, seed, more] = process.argv.slice(2) as [string, string, string, string];
const toldFile = openSync(told, "a");
writeSync(toldFile, "\n"); // the line that the kill before may have cut short
const random = new SimRandom(Number(seed));
const store = await FileStore.open(new NodeDisk(folder), new NodeClock(), new NodeRandom(), {
  ...KILL_OPTIONS,
  ...(JSON.parse(more) as FileStoreOptions),
});
const names = ["quiet", "busy", "third"];
for (const name of names) {
  const limits: StreamLimits = { ...NO_LIMITS, compression: name === "third" ? "s2" : "none" };
  if (store.stream(name) === null) await store.createStream(name, limits, new Uint8Array(0));
}
for (let step = 0; ; step++) {
  const lines: string[] = [];
  for (let i = 1 + (random.uint32() % 8); i > 0; i--) {
    const name = names[random.uint32() % names.length] as string;
    const log = store.stream(name)!;
    const count = name === "busy" ? 1 + (random.uint32() % 30) : 1;
    for (let j = 0; j < count; j++) {
      const payload = `${seed}.${step}.${i}.${j}.`.repeat(1 + (random.uint32() % 40));
      lines.push(`a ${name} ${log.append(new MessageDraft().set(`s.${j % 5}`, payload))} ${payload}\n`);
    }
    const { firstSeq, lastSeq } = log.state();
    const gone = firstSeq + (random.uint32() % (lastSeq - firstSeq + 1));
    if (random.uint32() % 3 !== 0) continue;
    writeSync(toldFile, `r ${name} ${gone}\n`);
    if (log.remove(gone)) lines.push(`d ${name} ${gone}\n`);
  }
  if (random.uint32() % 4 !== 0) await store.durable();
  else void store.durable();
  await store.durable();
  writeSync(toldFile, lines.join(""));
  process.stdout.write("step\n");
}
