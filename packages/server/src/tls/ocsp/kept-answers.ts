// What a server has heard from responders: about its own certificates, and about those of its clients. In memory, where a reload finds
// it again, and on disk, where the options have it there.

import { isDeepStrictEqual } from "node:util";
import type { Disk } from "@myelin/platform";
import type { ServerOptions } from "../../options.ts";
import type { OcspAnswer } from "./answer.ts";
import { AnswerCache } from "./answer-cache.ts";
import { CacheFolder, type CacheFolderOutside } from "./cache-folder.ts";
import { StapleFolder } from "./staple-folder.ts";

/** What the options say about it. */
export type KeepOptions = Pick<ServerOptions, "ocspCache" | "storeDir">;

/** What it needs of its server. */
export interface KeptAnswersOutside extends CacheFolderOutside {
  /** Gives a folder, which need not be there. */
  readonly openDisk: (folder: string) => Disk;
}

/** The answers of one server. */
export class KeptAnswers {
  /** About the server's own certificates, by fingerprint. */
  readonly staples: Map<string, OcspAnswer> = new Map();
  readonly #clients: AnswerCache;
  readonly #outside: KeptAnswersOutside;
  #options: KeepOptions | null = null;
  #cacheFolder: CacheFolder | null = null;
  /** Whether the cache of these options is in use: a server that asks nobody about clients does not touch its file. */
  #isCacheOpen = false;
  #stapleFolder: StapleFolder | null = null;
  /** Ends when what former options had written is. */
  #former: Promise<void> = Promise.resolve();

  constructor(outside: KeptAnswersOutside) {
    this.#outside = outside;
    this.#clients = new AnswerCache(outside.logger);
  }

  /** Goes by these options from now on. */
  use(options: KeepOptions): void {
    const { ocspCache, storeDir } = options;
    if (!isDeepStrictEqual(ocspCache, this.#options?.ocspCache)) this.#closeCache();
    if (storeDir !== this.#options?.storeDir) {
      this.#endLater(this.#stapleFolder?.close());
      const { openDisk, random } = this.#outside;
      this.#stapleFolder = storeDir === null ? null : new StapleFolder(openDisk(`${storeDir}/ocsp`), random);
    }
    this.#options = options;
  }

  /** What is known about clients; null when nothing is to be kept. */
  get clients(): AnswerCache | null {
    return this.#options?.ocspCache.type === "none" ? null : this.#clients;
  }

  /** Where staples are on disk; null when they are in memory only. */
  get stapleFolder(): StapleFolder | null {
    return this.#stapleFolder;
  }

  /** Has {@link clients} ready, with what the file has, if there is one. Only the first call counts for these options. */
  openCache(): void {
    if (this.#isCacheOpen || this.#options === null) return;
    this.#isCacheOpen = true;
    const { localStore, preserveRevoked, saveIntervalMs, type } = this.#options.ocspCache;
    const { logger, openDisk } = this.#outside;
    if (type === "local") {
      const folder = new CacheFolder(openDisk(localStore), this.#clients, saveIntervalMs, this.#outside);
      this.#clients.preserveRevoked = preserveRevoked;
      this.#clients.onChange = (): void => folder.changed();
      folder.load();
      this.#cacheFolder = folder;
    }
    logger.info(`OCSP peer cache online, type [${type}]`);
  }

  /** Resolves when everything is on disk that has to be. */
  async close(): Promise<void> {
    this.#closeCache();
    this.#endLater(this.#stapleFolder?.close());
    await this.#former;
  }

  #closeCache(): void {
    this.#endLater(this.#cacheFolder?.close());
    this.#cacheFolder = null;
    this.#isCacheOpen = false;
    this.#clients.onChange = (): void => {};
  }

  #endLater(end: Promise<void> | undefined): void {
    const former = this.#former;
    this.#former = (async () => {
      await former;
      await end;
    })();
  }
}
