// The folder in which answers about clients outlive the server: read when it starts, written some time after a change and when it
// ends. What goes wrong with it is logged; the server goes on with what it has in memory.

import { type Clock, type Disk, type Random, replaceFile, type Timer } from "@myelin/platform";
import type { Logger } from "../../logger.ts";
import { fileErrorText } from "../../system-error.ts";
import type { AnswerCache } from "./answer-cache.ts";
import { readCacheFile, writeCacheFile } from "./cache-file.ts";
import { readFile } from "./read-file.ts";

const FILE = "cache.json";
/** More than twice what the largest cache needs. */
const CACHE_FILE_BYTES_MAX = 64 * 1024 * 1024;

/** What the folder needs of its server. */
export interface CacheFolderOutside {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
}

/** Keeps the answers of one cache. */
export class CacheFolder {
  readonly #disk: Disk;
  readonly #cache: AnswerCache;
  readonly #saveIntervalMs: number;
  readonly #outside: CacheFolderOutside;
  /** Ends when the file is written that is being written. Never rejects. */
  #saving: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #isDirty = false;
  #isClosed = false;

  constructor(disk: Disk, cache: AnswerCache, saveIntervalMs: number, outside: CacheFolderOutside) {
    this.#disk = disk;
    this.#cache = cache;
    this.#saveIntervalMs = saveIntervalMs;
    this.#outside = outside;
    // What a reload has left in memory is to be in the file, too.
    this.#isDirty = cache.size > 0;
  }

  /** Reads the file. It is read at once: nobody is to be asked about whom it knows. */
  load(): void {
    const { logger } = this.#outside;
    const path = this.#path;
    logger.debug(`Loading OCSP peer cache [${path}]`);
    try {
      const bytes = readFile(this.#disk, FILE, CACHE_FILE_BYTES_MAX);
      if (bytes === null) {
        logger.debug("No OCSP peer cache found, starting with empty cache");
        return;
      }
      const { answers, dropped } = readCacheFile(Buffer.from(bytes).toString());
      this.#cache.takeSaved(answers);
      if (dropped > 0) {
        const count = answers.length + dropped;
        logger.warn(`Unable to load OCSP peer cache: ${dropped} of ${count} answers in ${path} cannot be read`);
      }
    } catch (error) {
      logger.warn(`Unable to load OCSP peer cache: ${fileErrorText("read", path, error as Error)}`);
    }
  }

  /** Has the file written in a while. */
  changed(): void {
    this.#isDirty = true;
    if (this.#isClosed) return;
    this.#timer ??= this.#outside.clock.setTimer(this.#saveIntervalMs, () => {
      this.#timer = null;
      void this.#save();
    });
  }

  /** Writes the file where it has to be. Resolves when that is over. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    return this.#save();
  }

  get #path(): string {
    return `${this.#disk.name}/${FILE}`;
  }

  #save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#saveNow());
    return this.#saving;
  }

  async #saveNow(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const { logger, random } = this.#outside;
    const path = this.#path;
    logger.debug(`Saving OCSP peer cache [${path}]`);
    try {
      if (this.#disk.stat("") === null) this.#disk.makeFolder("");
      await replaceFile(this.#disk, FILE, writeCacheFile(this.#cache.toSave()), random);
      logger.debug(`Saved OCSP peer cache successfully (${this.#disk.stat(FILE)?.size ?? 0} bytes)`);
    } catch (error) {
      logger.error(`Unable to save OCSP peer cache: ${fileErrorText("write", path, error as Error)}`);
      this.changed();
    }
  }
}
