// The store of this checkout.

import { NodeClock, NodeDisk, NodeRandom } from "@myelin/platform/node";
import { FileStore, MessageDraft, MessageView, NO_LIMITS, type StreamLog } from "@myelin/store";
import { type Engine, makePayload, touch } from "./engine.ts";
import { RARE_FILTER } from "./spec.ts";

export async function openMyelin(folder: string, streams: number, payloadBytes: number): Promise<Engine> {
  const store = await FileStore.open(new NodeDisk(folder), new NodeClock(), new NodeRandom());
  const logs: StreamLog[] = [];
  for (let i = 0; i < streams; i++) logs.push(await store.createStream(`S${i}`, NO_LIMITS, new Uint8Array(0)));
  const draft = new MessageDraft().set("x", makePayload(payloadBytes));
  const view = new MessageView();
  const all = logs[0]!.filter([]);
  const rare = logs[0]!.filter([RARE_FILTER]);
  return {
    append(stream, subject) {
      draft.subjectBytes = subject;
      draft.subjectEnd = subject.length;
      logs[stream]!.append(draft);
    },
    commit: () => store.durable(),
    scan() {
      let sum = 0;
      for (let found = logs[0]!.next(all, 1, view); found !== null; found = logs[0]!.next(all, found.seq + 1, view))
        sum += touch(found.payload);
      return sum;
    },
    get: (seq) => touch(logs[0]!.load(seq, view)!.payload),
    firstRare: () => logs[0]!.next(rare, 1, view)!.seq,
    close: () => store.stop(),
  };
}
