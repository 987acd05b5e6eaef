// The program myelin: words in, an exit code out. bin/myelin.js runs it.

import { runServer } from "./commands/server.ts";
import { Interrupts } from "./interrupts.ts";
import { Output } from "./output.ts";
import { EXIT_FAILURE, run } from "./run.ts";

/**
 * Runs a command line as this process: prints, and sets the exit code to 0, or to 1 after one line on stderr that says why.
 *
 * @param args - Without the program itself.
 */
export async function main(args: readonly string[]): Promise<void> {
  // The flags of a server have another form, and it wants the process to itself.
  if (args[0] === "server") return runServer(args.slice(1));
  if (args[0] === "help" && args[1] === "server") return runServer(["--help"]);
  const output = new Output({ stdout: process.stdout, stderr: process.stderr });
  const interrupts = new Interrupts();
  interrupts.install();
  endWithReader(output);
  // Such as: a file with a secret can be read by others. In our form, not in Node's.
  process.removeAllListeners("warning");
  process.on("warning", ({ message }) => output.log(`Warning: ${message}`));
  const code = await run(args, { output, stdin: process.stdin, interrupts });
  // Ended here and now: nothing that a command left open may keep the process alive. Consoles may write late, hence the wait.
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
}

/** Who reads our stdout may have had enough (`| head`): then there is nothing left to do. */
function endWithReader(output: Output): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    output.error(`myelin: error: cannot write to stdout: ${error.message}\n`);
    process.exit(EXIT_FAILURE);
  });
}
