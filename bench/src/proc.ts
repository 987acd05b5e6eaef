// CPU time and memory of a process, as Linux tells them in /proc.
//
//   /proc/<pid>/stat     pid (name) state ppid ... utime stime ...   in clock ticks
//   /proc/<pid>/status   VmHWM:   123456 kB                          the most memory it ever had
//
// The name may hold spaces and parentheses: fields are counted from the last ')'.

import { existsSync, readFileSync } from "node:fs";
import { BenchError } from "./errors.ts";

/** USER_HZ: 100 on every architecture that Linux and Node share, whatever the kernel's own tick is. */
const CLOCK_TICKS_PER_SECOND = 100;
/** Places of utime and stime among the fields after the name. */
const UTIME = 11;
const STIME = 12;

/** @throws BenchError `UNSUPPORTED` where there is no /proc. */
export function requireProc(): void {
  if (existsSync("/proc/self/stat")) return;
  throw new BenchError(
    "UNSUPPORTED",
    `The benchmarks read CPU time and memory from /proc, which ${process.platform} does not have. Run them on Linux.`,
  );
}

/** User and system time in seconds from the text of /proc/<pid>/stat; resolution 10 ms. */
export function cpuSecondsFrom(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[UTIME]) + Number(fields[STIME])) / CLOCK_TICKS_PER_SECOND;
}

/** Memory in KiB from the text of /proc/<pid>/status: resident now, and at the most. */
export function memoryFrom(status: string): { residentKib: number; peakKib: number } {
  return { residentKib: kibOf(status, "VmRSS"), peakKib: kibOf(status, "VmHWM") };
}

/** User and system time of all threads of a running process, in seconds. */
export function cpuSeconds(pid: number): number {
  return cpuSecondsFrom(readProc(pid, "stat"));
}

/** Resident memory of a running process in KiB: now, and the most it ever was. */
export function memory(pid: number): { residentKib: number; peakKib: number } {
  return memoryFrom(readProc(pid, "status"));
}

function kibOf(status: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status);
  return match === null ? Number.NaN : Number(match[1]);
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch (cause) {
    throw new BenchError("NO_SERVER", `The server (process ${pid}) went away while it was measured.`, { cause });
  }
}
