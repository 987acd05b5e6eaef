// `--signal <command>[=<pid>]`: sends a signal to a server that runs already, found by its number, by its pid file, or by
// the program's name. Texts and rules are the reference's (signal.go), but for one: numbers below 1 are refused,
// because to the platform they mean whole groups of processes.

/** How processes are found, read about and signalled. */
export interface Processes {
  readonly ownPid: number;
  /** The text of a file; null when it cannot be read. */
  readFile(path: string): string | null;
  /** The processes with this name; null when that cannot be found out. */
  find(name: string): readonly number[] | null;
  /** @throws The platform's error. */
  signal(pid: number, signal: NodeJS.Signals): void;
}

/** The signal could not be sent, or not to all that were meant. */
export class SignalError extends Error {
  override readonly name = "SignalError";
  readonly code = "SIGNAL_NOT_SENT";
}

/** Signals by their command. */
const SIGNALS: ReadonlyMap<string, NodeJS.Signals> = new Map([
  ["ldm", "SIGUSR2"],
  ["stop", "SIGKILL"],
  ["quit", "SIGINT"],
  ["term", "SIGTERM"],
  ["reopen", "SIGUSR1"],
  ["reload", "SIGHUP"],
]);

/**
 * Sends what is asked for.
 *
 * @param request - `<command>`, `<command>=<pid>`, `<command>=<pid file>`, `<command>=<start of pids>*`.
 * @throws SignalError with the text for the user.
 */
export function sendSignal(request: string, programName: string, processes: Processes): void {
  const [command = "", target = "", ...more] = request.split("=");
  if (more.length > 0) throw new SignalError(`invalid signal parameters: [${more.join(" ")}]`);
  const expression = target === "" ? "" : (processes.readFile(target)?.trim() ?? target);
  const pids = selectPids(expression, programName, processes);
  const signal = SIGNALS.get(command);
  if (signal === undefined) throw new SignalError(`unknown signal ${JSON.stringify(command)}`);
  const failures: string[] = [];
  for (const pid of pids) {
    try {
      processes.signal(pid, signal);
    } catch (error) {
      failures.push(`\nsignal ${JSON.stringify(command)} ${pid}: ${signalErrorText(error as NodeJS.ErrnoException)}`);
    }
  }
  if (failures.length > 0) throw new SignalError(failures.join(""));
}

function selectPids(expression: string, programName: string, processes: Processes): readonly number[] {
  const isPattern = expression.endsWith("*");
  const start = isPattern ? expression.slice(0, -1) : expression;
  if (start !== "" && (!/^\d+$/.test(start) || Number(start) < 1)) throw new SignalError(`invalid pid: ${start}`);
  if (start !== "" && !isPattern) return [Number(start)];
  const found = processes.find(programName);
  if (found === null) throw new SignalError("unable to resolve pid, try providing one");
  const others = found.filter((pid) => pid !== processes.ownPid);
  if (others.length > 1 && !isPattern) {
    throw new SignalError(`multiple ${programName} processes running:\n${others.join("\n")}`);
  }
  if (others.length === 0) throw new SignalError(`no ${programName} processes running`);
  return others.filter((pid) => String(pid).startsWith(start));
}

function signalErrorText(error: NodeJS.ErrnoException): string {
  if (error.code === "ESRCH") return "no such process";
  if (error.code === "EPERM") return "operation not permitted";
  return error.message;
}
