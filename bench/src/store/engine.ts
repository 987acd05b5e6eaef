// What every engine has to do: keep records by stream and sequence, with an index of subjects.

/** An engine with its streams made. Streams are numbered from 0, sequences of each begin at 1. */
export interface Engine {
  /** Takes a record to the next {@link commit}. The subject comes in bytes, as a server has it. */
  append(stream: number, subject: Buffer): void;
  /** Resolves when everything appended has been synced. */
  commit(): Promise<void>;
  /** Reads the records of stream 0 in order. @returns A sum over their payloads, which every engine must agree on. */
  scan(): number;
  /** Reads one record of stream 0. @returns The same of its payload. */
  get(seq: number): number;
  /** The sequence of the first record of stream 0 whose subject begins with `rare.`. */
  firstRare(): number;
  close(): Promise<void>;
}

/** What readers take from a payload: enough that it must be there. */
export function touch(payload: Uint8Array): number {
  return payload.length + payload[0]! + payload[payload.length - 1]!;
}

/** The payload of every record. */
export function makePayload(bytes: number): Buffer {
  return Buffer.alloc(bytes, "x");
}
