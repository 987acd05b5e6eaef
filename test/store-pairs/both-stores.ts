// The reference as a child process, and a store of ours, for streams that are made in both.

import { connect, type NatsConnection } from "@myelin/client";
import { NodeClock } from "@myelin/platform/node";
import { SimDisk, SimRandom } from "@myelin/platform/sim";
import { FileStore, MemoryStore, NO_LIMITS, type Store, type StreamLog } from "@myelin/store";
import { startServer, type TestServer } from "@myelin/testing";
import type { Step } from "./operations.ts";
import { ReferenceStream, type StreamSetting } from "./reference-stream.ts";
import { StreamPair } from "./stream-pair.ts";

// Small, so that blocks roll and segments fill.
const FILE_OPTIONS = { blockBytes: 4096, segmentBytes: 16 * 1024, segments: 4, ballastBytes: 8192 };

/** Both servers, and what connects to them. */
export class BothStores implements AsyncDisposable {
  readonly #server: TestServer;
  #connection: NatsConnection | null = null;
  #disk: SimDisk = new SimDisk({ record: false });
  #store: Store | null = null;
  readonly #storage: StreamSetting["storage"];
  #streams = 0;

  private constructor(server: TestServer, storage: StreamSetting["storage"]) {
    this.#server = server;
    this.#storage = storage;
  }

  static async start(program: string, storage: StreamSetting["storage"]): Promise<BothStores> {
    const both = new BothStores(await startServer({ run: "child", program, jetstream: true }), storage);
    await both.#open();
    // One that stays: the reference, which removes the folder of an account with its last stream, may do so while it makes another one.
    await new ReferenceStream("STAYS", () => both.#connection as NatsConnection).create({
      storage,
      firstSeq: 1,
      limits: NO_LIMITS,
    });
    return both;
  }

  async play(setting: StreamSetting, plan: readonly Step[]): Promise<void> {
    const name = `S${++this.#streams}`;
    const theirs = new ReferenceStream(name, () => this.#connection as NatsConnection);
    await theirs.create(setting);
    try {
      const log = await this.#opened.createStream(name, setting.limits, new Uint8Array(0), setting.firstSeq);
      const pair = new StreamPair(log, theirs, setting);
      await pair.assertStates();
      for (const step of plan) {
        if (step === "restart") {
          await this.#restart();
          pair.reopened(this.#opened.stream(name) as StreamLog);
          await pair.assertStates();
          await pair.assertMessages();
        } else {
          await pair.run(step.operation);
          await pair.assertProbes(step.probes);
        }
      }
      await pair.assertMessages();
    } finally {
      await theirs.delete();
      await this.#opened.deleteStream(name);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection?.close();
    await this.#store?.stop();
    await this.#server.close();
  }

  get #opened(): Store {
    return this.#store as Store;
  }

  async #open(): Promise<void> {
    this.#connection = await connect({ servers: this.#server.url });
    const clock = new NodeClock();
    this.#store =
      this.#storage === "memory"
        ? new MemoryStore(clock)
        : await FileStore.open(this.#disk, clock, new SimRandom(1), FILE_OPTIONS);
  }

  async #restart(): Promise<void> {
    await this.#connection?.close();
    await this.#server.restart();
    await this.#store?.stop();
    await this.#open();
  }
}
