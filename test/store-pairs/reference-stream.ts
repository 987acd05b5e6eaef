// A stream of the reference, asked over its API in JSON.

import type { Msg, MsgHdrs, NatsConnection } from "@myelin/client";
import type { StreamLimits } from "@myelin/store";

/** How a stream is set up on both sides. */
export interface StreamSetting {
  readonly storage: "file" | "memory";
  readonly firstSeq: number;
  readonly limits: StreamLimits;
}

/** What the API says of a stream. */
export interface ReferenceState {
  readonly messages: number;
  readonly bytes: number;
  readonly first_seq: number;
  readonly first_ts: string;
  readonly last_seq: number;
  readonly last_ts: string;
  readonly num_subjects?: number;
  readonly num_deleted?: number;
  readonly deleted?: readonly number[];
  readonly subjects?: Readonly<Record<string, number>>;
}

/** A message as the API gives it. */
export interface ReferenceMessage {
  readonly seq: number;
  readonly subject: string;
  readonly headers: string;
  readonly payload: string;
  readonly timeNs: bigint;
}

/** A refusal by the API: `<err_code> <description>`. */
export class Refusal extends Error {}

interface Answer {
  readonly error?: { readonly err_code?: number; readonly description: string };
}

interface Stored {
  readonly message: {
    readonly seq: number;
    readonly subject: string;
    readonly hdrs?: string;
    readonly data?: string;
    readonly time: string;
  };
}

/** The subjects that the streams of these tests take. */
export const ROOT = "T";

/** One stream of the reference. */
export class ReferenceStream {
  readonly name: string;
  #connection: () => NatsConnection;

  /** @param connection - The one of the moment: it changes when the server is started again. */
  constructor(name: string, connection: () => NatsConnection) {
    this.name = name;
    this.#connection = connection;
  }

  async create(setting: StreamSetting): Promise<void> {
    await this.#ask(`STREAM.CREATE.${this.name}`, this.#config(setting));
  }

  async update(setting: StreamSetting): Promise<void> {
    await this.#ask(`STREAM.UPDATE.${this.name}`, this.#config(setting));
  }

  async delete(): Promise<void> {
    await this.#ask(`STREAM.DELETE.${this.name}`);
  }

  async state(): Promise<ReferenceState> {
    const asked = { deleted_details: true, subjects_filter: ">" };
    return (await this.#ask<{ state: ReferenceState }>(`STREAM.INFO.${this.name}`, asked)).state;
  }

  /** Publishes, and returns the sequence. */
  async publish(subject: string, payload: string, headers: ReadonlyArray<readonly [string, string]>): Promise<number> {
    const given: Record<string, string> = Object.fromEntries(headers);
    const options = headers.length === 0 ? {} : { headers: given };
    const answer = await this.#connection().request(subject, payload, { timeout: 10_000, ...options });
    return unrefused(answer.json<{ seq: number } & Answer>()).seq;
  }

  /** Returns how many went. */
  async purge(filter: string, seq: number, keep: number): Promise<number> {
    const asked = { ...(filter !== "" && { filter }), ...(seq > 0 && { seq }), ...(keep > 0 && { keep }) };
    return (await this.#ask<{ purged: number }>(`STREAM.PURGE.${this.name}`, asked)).purged;
  }

  /** Returns whether it was there. */
  async remove(seq: number, erase: boolean): Promise<boolean> {
    try {
      await this.#ask(`STREAM.MSG.DELETE.${this.name}`, { seq, no_erase: !erase });
      return true;
    } catch (error) {
      if (error instanceof Refusal) return false;
      throw error;
    }
  }

  /** A message by `seq`, `next_by_subj` or `last_by_subj`; null when there is none. */
  async get(asked: object): Promise<ReferenceMessage | null> {
    try {
      const { message } = await this.#ask<Stored>(`STREAM.MSG.GET.${this.name}`, asked);
      const { seq, subject, hdrs = "", data = "", time } = message;
      return { seq, subject, headers: fromBase64(hdrs), payload: fromBase64(data), timeNs: nanosecondsOf(time) ?? 0n };
    } catch (error) {
      if (error instanceof Refusal) return null;
      throw error;
    }
  }

  /** Answers of a direct get for several, up to the status that ends them: their headers. */
  async direct(asked: object): Promise<MsgHdrs[]> {
    const connection = this.#connection();
    const reply = connection.newInbox();
    const answers = connection.subscribe(reply, { timeout: 10_000 });
    connection.publish(`$JS.API.DIRECT.GET.${this.name}`, JSON.stringify(asked), { reply });
    const found: MsgHdrs[] = [];
    for await (const { headers } of answers as AsyncIterable<Msg>) {
      if (headers === undefined) throw new Error("A direct get was answered without headers");
      found.push(headers);
      if (headers.code !== 0) break;
    }
    return found;
  }

  /** How many messages a consumer would find pending, and the sequence before its first. */
  async pending(config: object): Promise<readonly [pending: number, before: number]> {
    const made = { ack_policy: "none", mem_storage: true, inactive_threshold: 30_000_000_000, ...config };
    const { name, num_pending, delivered } = await this.#ask<{
      name: string;
      num_pending: number;
      delivered: { stream_seq: number };
    }>(`CONSUMER.CREATE.${this.name}`, { stream_name: this.name, config: made });
    await this.#ask(`CONSUMER.DELETE.${this.name}.${name}`);
    return [num_pending, delivered.stream_seq];
  }

  #config({ storage, firstSeq, limits }: StreamSetting): object {
    return {
      name: this.name,
      subjects: this.name === "STAYS" ? ["stays"] : [ROOT, `${ROOT}.>`],
      storage,
      retention: "limits",
      max_msgs: limits.maxMsgs || -1,
      max_bytes: limits.maxBytes || -1,
      max_msgs_per_subject: limits.maxMsgsPerSubject || -1,
      max_age: limits.maxAgeMs * 1_000_000,
      discard: limits.discard,
      discard_new_per_subject: limits.discardNewPerSubject,
      compression: limits.compression,
      ...(limits.subjectDeleteMarkerTtlMs > 0 && {
        subject_delete_marker_ttl: limits.subjectDeleteMarkerTtlMs * 1_000_000,
      }),
      ...(firstSeq > 1 && { first_seq: firstSeq }),
      allow_direct: true,
      allow_rollup_hdrs: true,
      allow_msg_ttl: true,
      duplicate_window: 100_000_000,
    };
  }

  async #ask<T extends object>(subject: string, asked: object = {}): Promise<T> {
    const options = { timeout: 10_000 };
    const answer = await this.#connection().request(`$JS.API.${subject}`, JSON.stringify(asked), options);
    return unrefused(answer.json<T & Answer>());
  }
}

/** An RFC 3339 time as nanoseconds since 1970; null for Go's time of nothing. */
export function nanosecondsOf(text: string): bigint | null {
  if (text.startsWith("0001-01-01T00:00:00")) return null;
  const [, seconds = "", fraction = ""] = /^(.*?)(?:\.(\d+))?Z$/.exec(text) ?? [];
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

function unrefused<T extends Answer>(answer: T): T {
  const { error } = answer;
  if (error !== undefined) throw new Refusal(error.description);
  return answer;
}

function fromBase64(text: string): string {
  return Buffer.from(text, "base64").toString("latin1");
}
