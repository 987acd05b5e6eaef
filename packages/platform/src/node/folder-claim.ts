// One owner for a folder, by a Unix socket in it: the kernel ends a socket with its process, whatever ended that, and tells everybody on
// the machine, in other containers too, whether there is somebody behind it. (Node has no file locks; a process number in a file means
// nothing in another container, and another process may have got it since.)
//
//   <folder>/<process>-<random>     a socket of each that has claimed the folder, or is trying to
//
// Whoever claims binds a socket of its own first and looks at the others then. So of any two, the later one sees the earlier one, and
// gives up if somebody listens there; where nobody does, the socket is left from a process that ended, and goes. On Windows a named
// pipe takes the place of the socket: only one process can have a pipe of a name.

import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmdirSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { DiskClaim } from "../disk.ts";

/** Longest path that a socket can have on every platform (macOS has 104 with the zero at the end). */
const SOCKET_PATH_MAX = 100;
const TRIES = 5;
/** The file system, or what lies under it, has no sockets. */
const NO_SOCKETS = new Set(["ENOTSUP", "EOPNOTSUPP", "EPERM", "EINVAL", "ENOSYS"]);

/** The folder is not ours to write to: whoever needs to will be told soon enough. */
const READ_ONLY = new Set(["EROFS", "EACCES"]);

/** Claims a folder; see `Disk.claim`. */
export async function claimFolder(folder: string): Promise<DiskClaim> {
  if (process.platform === "win32") return claimPipe(folder);
  const short = shortPath(folder);
  try {
    return await claimSocket(folder, short.path);
  } finally {
    short.release();
  }
}

async function claimSocket(folder: string, path: string, tries = TRIES): Promise<DiskClaim> {
  try {
    mkdirSync(folder, { mode: 0o750 });
  } catch (error) {
    const code = codeOf(error);
    if (READ_ONLY.has(code)) return unprotected(`it cannot be written to (${code})`);
    if (code !== "EEXIST") throw error;
  }
  const own = `${process.pid}-${randomBytes(4).toString("hex")}`;
  let server: Server;
  try {
    server = await listen(join(path, own));
  } catch (error) {
    // Whoever had it has released it this moment, and the folder with it.
    if (codeOf(error) === "ENOENT" && tries > 1) return claimSocket(folder, path, tries - 1);
    if (!NO_SOCKETS.has(codeOf(error))) throw error;
    return unprotected(`its file system has no sockets (${codeOf(error)})`);
  }
  const release = async (): Promise<void> => {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    leave(folder, own);
  };
  for (const name of readdirSync(folder)) {
    if (name === own || !/^\d+-[0-9a-f]{8}$/.test(name)) continue;
    const state = await probe(join(path, name));
    if (state === "dead") {
      rmSync(join(folder, name), { force: true });
      continue;
    }
    await release();
    const holder = `process ${name.slice(0, name.indexOf("-"))}`;
    const remedy = state === "alive" ? "stop it" : `stop it, or, if it is gone, remove ${join(folder, name)}`;
    return { held: false, holder, remedy };
  }
  return { held: true, weakness: null, release };
}

function unprotected(weakness: string): DiskClaim {
  return { held: true, weakness, release: async () => {} };
}

async function claimPipe(folder: string): Promise<DiskClaim> {
  const name = Buffer.from(realpathSync(dirname(folder)).toLowerCase())
    .toString("hex")
    .slice(-200);
  try {
    const server = await listen(`\\\\.\\pipe\\myelin-${name}`);
    return {
      held: true,
      weakness: null,
      release: () => new Promise<void>((resolve) => server.close(() => resolve())),
    };
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") throw error;
    return { held: false, holder: "another process", remedy: "stop it" };
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen({ path, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** Whether somebody listens on a socket; unknown when we may not ask. */
function probe(path: string): Promise<"alive" | "dead" | "unknown"> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve("alive");
    });
    socket.once("error", (error) => {
      const code = codeOf(error);
      // A full queue of connections has somebody behind it.
      if (code === "EAGAIN") resolve("alive");
      else resolve(["ECONNREFUSED", "ENOENT", "ENOTSOCK"].includes(code) ? "dead" : "unknown");
    });
  });
}

function leave(folder: string, own: string): void {
  try {
    unlinkSync(join(folder, own));
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error; // closing the server removes it
  }
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(codeOf(error))) throw error;
  }
}

/** A path to the folder that is short enough for sockets in it. */
function shortPath(folder: string): { path: string; release: () => void } {
  if (Buffer.byteLength(folder) + 20 <= SOCKET_PATH_MAX) return { path: folder, release: () => {} };
  const holder = mkdtempSync(join(tmpdir(), "myelin-"));
  const path = join(holder, "l");
  symlinkSync(folder, path);
  return { path, release: () => rmSync(holder, { recursive: true }) };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}
