// Every command: its names, its line of help, and where it is. A command's file is loaded when it is asked for, and only then.

import type { Command } from "commander";
import type { Outside } from "./outside.ts";

/** What the program knows of a command before it is loaded. */
export interface CommandEntry {
  readonly name: string;
  readonly alias?: string;
  readonly summary: string;
  readonly load: () => Promise<(outside: Outside) => Command>;
}

/** In the order of the help. `server` is not among them: its flags are not the command line's. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "publish",
    alias: "pub",
    summary: "publish messages",
    load: async () => (await import("./commands/pub.ts")).pubCommand,
  },
  {
    name: "subscribe",
    alias: "sub",
    summary: "subscribe to subjects and show what comes",
    load: async () => (await import("./commands/sub.ts")).subCommand,
  },
  {
    name: "request",
    alias: "req",
    summary: "send a request and show the replies",
    load: async () => (await import("./commands/req.ts")).reqCommand,
  },
  {
    name: "reply",
    summary: "answer requests",
    load: async () => (await import("./commands/reply.ts")).replyCommand,
  },
  {
    name: "rtt",
    summary: "measure the round-trip time to the servers",
    load: async () => (await import("./commands/rtt.ts")).rttCommand,
  },
  {
    name: "bench",
    summary: "measure how fast messages go",
    load: async () => (await import("./commands/bench.ts")).benchCommand,
  },
  {
    name: "store",
    summary: "check, repair, back up and restore the folder of a stopped server",
    load: async () => (await import("./commands/store.ts")).storeCommand,
  },
  {
    name: "cheat",
    summary: "show examples of the commands",
    load: async () => (await import("./commands/cheat.ts")).cheatCommand,
  },
];

/** The line of help of `server`. */
export const SERVER_SUMMARY = "run a server, with the flags of nats-server";
