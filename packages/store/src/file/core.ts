// What the streams' files may ask of the store they belong to.

import type { Disk } from "@myelin/platform";
import type { Vault } from "../seal/vault.ts";
import type { Slices } from "../slices.ts";
import type { FilePool } from "./block-file.ts";
import type { FileBacking } from "./file-backing.ts";
import type { FileStoreOptions } from "./options.ts";

/** The store as its streams' files see it. */
export interface FileStoreCore {
  readonly disk: Disk;
  readonly pool: FilePool;
  readonly options: Required<FileStoreOptions>;
  /** Null: the store is not encrypted. Set before any stream is there. */
  vault: Vault | null;

  /** For long work, shared by all of it. */
  readonly slices: Slices;

  /** @throws StoreError `READ_ONLY` or `CLOSED`. */
  checkWritable(): void;
  /** @throws StoreError as {@link checkWritable}, and `DISK_FULL` or `BUSY`. */
  checkAppend(): void;
  /** Throws when the disk has no room for a record of so many bytes, which are more than the journal takes. */
  checkRoom(bytes: number): void;
  /** A write failed: a full disk is remembered, anything else fails the store. Does not throw. */
  writeFailed(error: unknown): void;
  /** The store takes no more changes. */
  fail(cause: unknown): void;

  /** The stream has something for the turn: so many more bytes. */
  enterTurn(stream: FileBacking, bytes: number): void;
  /** The stream's newest block ends: what the turn has for it goes to the journal's batch now, unless it goes the direct way. */
  blockEnds(stream: FileBacking): void;
  /** Something that is no stream's is in the turn. */
  touchTurn(bytes: number): void;
  /** Resolves once the turn can be written, if it has grown while the journal has no room. Not for what makes room: checkpoints. */
  room(): Promise<void>;
  /** Runs `action` when everything that has happened up to now is durable. Actions run one after the other. */
  afterTurn(action: () => Promise<void>): void;
  /** Resolves when everything up to now is durable and the actions for it have run. */
  settled(): Promise<void>;

  /** Makes everything durable in the streams' own files and frees the journal. */
  checkpointNow(): Promise<void>;
  /** The same, and overwrites what the journal held. */
  eraseJournal(): Promise<void>;

  /** Damaged bytes were found: keeps a copy and reports. */
  reportDamage(stream: number, path: string, block: number, offset: number, length: number, lines: string[]): void;
}
