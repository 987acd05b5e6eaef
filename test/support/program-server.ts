// Servers that run as processes of their own: started with a free port, watched until they say that they are ready.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { RunningServer } from "./target.ts";
import { overTcp } from "./wire.ts";

const LISTENING = /Listening for client connections on 127\.0\.0\.1:(\d+)/;
const LISTENING_WEB_SOCKET = /Listening for websocket clients on ws:\/\/127\.0\.0\.1:(\d+)/;
const READY = "Server is ready";
const START_DEADLINE_MS = 10_000;

/**
 * Starts a server program and waits until it is ready.
 *
 * @param command - The program and what stands in front of its arguments.
 * @param args - Its arguments, given a folder that lives as long as the server.
 * @throws Error with what the program said when it does not become ready.
 */
export async function startProgram(
  command: readonly string[],
  args: (folder: string) => Promise<string[]>,
): Promise<RunningServer> {
  const folder = await mkdtemp(join(tmpdir(), "myelin-test-"));
  try {
    const [program = "", ...first] = command;
    const child = spawn(program, [...first, ...(await args(folder))], { stdio: ["ignore", "ignore", "pipe"] });
    const { port, webSocketPort } = await listening(child);
    const address = { host: "127.0.0.1", port };
    return { ...address, webSocketPort, wires: overTcp(address), stop: () => stop(child, folder) };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * The path of a program that a test may use.
 *
 * @param variable - An environment variable that names the program's file.
 * @param name - The name looked for on the PATH when the variable is not set.
 * @param folders - Where else to look.
 */
export function findProgram(variable: string, name: string, folders: readonly string[] = []): string | null {
  const given = process.env[variable];
  if (given !== undefined && given !== "") {
    if (!existsSync(given)) throw new Error(`${variable} names ${given}, which does not exist`);
    return given;
  }
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), ...folders]) {
    const path = join(folder, name);
    if (isExecutable(path)) return path;
  }
  return null;
}

/** The ports that a server bound. */
interface Ports {
  readonly port: number;
  readonly webSocketPort: number | null;
}

/** Waits for the line that says the server is ready; gives the ports it bound. */
function listening(child: ChildProcess): Promise<Ports> {
  return new Promise((resolve, reject) => {
    let log = "";
    const fail = (why: string): void => {
      child.kill("SIGKILL");
      reject(new Error(`the server ${why}; it said:\n${log}`));
    };
    const deadline = setTimeout(() => fail(`was not ready after ${START_DEADLINE_MS} ms`), START_DEADLINE_MS);
    const exited = (code: number | null): void => {
      clearTimeout(deadline);
      fail(`ended with code ${String(code)} before it was ready`);
    };
    child.once("exit", exited);
    child.once("error", (error) => {
      clearTimeout(deadline);
      reject(error);
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (log.includes(READY)) return; // keep reading, or the server would block on its log
      log += text;
      const port = LISTENING.exec(log)?.[1];
      if (port === undefined || !log.includes(READY)) return;
      clearTimeout(deadline);
      child.off("exit", exited);
      const webSocketPort = LISTENING_WEB_SOCKET.exec(log)?.[1];
      resolve({ port: Number(port), webSocketPort: webSocketPort === undefined ? null : Number(webSocketPort) });
    });
  });
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, "exit");
    child.kill("SIGKILL"); // nothing of it is kept, and an orderly stop takes its time
    await exited;
  }
  await rm(folder, { recursive: true, force: true });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not ours to run: look on
  }
}
