// myelin server: a server, with the flags of nats-server.

/**
 * Runs the server program; see `@myelin/server/program`. Nothing of the command line's own is loaded for it.
 *
 * @param args - What stands after `server`.
 */
export async function runServer(args: readonly string[]): Promise<void> {
  const { runServerProgram } = await import("@myelin/server/program");
  await runServerProgram(args, "myelin-server");
}
