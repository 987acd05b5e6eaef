import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SimClock } from "@myelin/platform/sim";
import { backupStamp, LOCAL_ZONE, LogLineFormat, type LogLineStyle, type TimeZone, UTC } from "./log-line.ts";
import type { LogOutput } from "./log-output.ts";
import { DescriptorOutput } from "./log-output.ts";
import { LogWriter, openLogTarget } from "./log-writer.ts";
import type { LogSettings } from "./run-settings.ts";

const INDIA: TimeZone = () => 5.5 * 3_600_000;
const START_MS = Date.UTC(2026, 0, 2, 15, 4, 5, 6);

function format(style: Partial<LogLineStyle> = {}): LogLineFormat {
  return new LogLineFormat({ pid: 42, clock: new SimClock(START_MS), zone: UTC, colours: false, ...style });
}

test("line() has pid, time to the microsecond, level and text", () => {
  assert.equal(format().line("INF", "Server is ready"), "[42] 2026/01/02 15:04:05.006000 [INF] Server is ready\n");
});

test("line() lets no control character through but those of a text of several lines", () => {
  const line = format().line("TRC", "a\x1b[31m\0\u0085\u2028b\x7f\r\tc\n  at x");
  const escaped = "a\\x1b[31m\\x00\\x85\\u2028b\\x7f\\x0d\tc\n  at x";
  assert.equal(line, `[42] 2026/01/02 15:04:05.006000 [TRC] ${escaped}\n`);
});

test("line() shows microseconds, and follows the clock over seconds and back", () => {
  const clock = new SimClock(START_MS);
  const lines = format({ clock });
  clock.advance(0.25);
  assert.match(lines.line("DBG", "a"), / 15:04:05\.006250 \[DBG\] a\n$/);
  clock.advance(1_000);
  assert.match(lines.line("TRC", "b"), / 15:04:06\.006250 \[TRC\] b\n$/);
  clock.setWall(START_MS - 1);
  assert.match(lines.line("WRN", "c"), / 15:04:05\.005000 \[WRN\] c\n$/);
});

test("line() shows the zone's time, over the end of a year", () => {
  const clock = new SimClock(Date.UTC(2026, 11, 31, 20));
  assert.equal(format({ clock, zone: INDIA }).line("ERR", "x"), "[42] 2027/01/01 01:30:00.000000 [ERR] x\n");
});

test("line() without time", () => {
  assert.equal(format({ zone: null }).line("FTL", "x"), "[42] [FTL] x\n");
});

test("line() with colours", () => {
  const lines = format({ zone: null, colours: true });
  assert.equal(lines.line("INF", "x"), "[42] [\x1b[32mINF\x1b[0m] x\n");
  assert.equal(lines.line("WRN", "x"), "[42] [\x1b[0;93mWRN\x1b[0m] x\n");
});

test("LOCAL_ZONE is what Date thinks", () => {
  const moved = new Date(START_MS + LOCAL_ZONE(START_MS));
  assert.equal(moved.getUTCHours(), new Date(START_MS).getHours());
});

test("backupStamp() has nanoseconds", () => {
  assert.equal(backupStamp(BigInt(START_MS) * 1_000_000n + 789n, INDIA), "2026.01.02.20.34.05.006000789");
});

class Lines implements LogOutput {
  text = "";
  write(line: string): void {
    this.text += line;
  }
}

test("LogWriter writes debug and trace lines only when asked", () => {
  const levels = (debug: boolean, trace: boolean): string[] => {
    const output = new Lines();
    const log = new LogWriter(output, format({ zone: null }), { debug, trace });
    log.info("");
    log.warn("");
    log.error("");
    log.fatal("");
    log.debug("");
    log.trace("");
    return [...output.text.matchAll(/\[(\w{3})\]/g)].map((match) => match[1] as string);
  };
  assert.deepEqual(levels(false, false), ["INF", "WRN", "ERR", "FTL"]);
  assert.deepEqual(levels(true, false), ["INF", "WRN", "ERR", "FTL", "DBG"]);
  assert.deepEqual(levels(false, true), ["INF", "WRN", "ERR", "FTL", "TRC"]);
});

const folder = mkdtempSync(join(tmpdir(), "myelin-log-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function fileLog(name: string, sizeLimitBytes: number = 0): LogWriter {
  const settings: LogSettings = { file: join(folder, name), sizeLimitBytes, time: false, utc: false };
  const outside = { pid: 42, clock: new SimClock(START_MS), zone: UTC, stderr: { descriptor: -1, colours: true } };
  const { format, output } = openLogTarget(settings, outside);
  return new LogWriter(output, format, { debug: false, trace: false });
}

function textOf(name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

test("a log file is appended to, and not for everybody to read", () => {
  writeFileSync(join(folder, "append"), "before\n");
  fileLog("append").info("after");
  assert.equal(textOf("append"), "before\n[42] [INF] after\n");
  fileLog("fresh").info("x");
  assert.equal(statSync(join(folder, "fresh")).mode & 0o007, 0);
});

test("reopen() writes to a new file after the old one was moved", () => {
  const log = fileLog("moved");
  log.info("one");
  renameSync(join(folder, "moved"), join(folder, "moved.1"));
  log.info("two");
  log.reopen();
  log.info("three");
  assert.equal(textOf("moved.1"), "[42] [INF] one\n[42] [INF] two\n");
  assert.equal(textOf("moved"), "[42] [INF] File log re-opened\n[42] [INF] three\n");
});

test("reopen() keeps the file when there can be no new one", () => {
  const sub = mkdtempSync(join(folder, "sub-"));
  const log = fileLog(join(sub.slice(folder.length + 1), "log"));
  const kept = join(folder, "kept");
  renameSync(join(sub, "log"), kept);
  rmSync(sub, { recursive: true });
  log.reopen();
  assert.match(readFileSync(kept, "utf8"), /\[ERR\] File log could not be re-opened/);
});

test("reopen() says that stderr is no file", () => {
  const output = new Lines();
  new LogWriter(output, format({ zone: null }), { debug: false, trace: false }).reopen();
  assert.equal(output.text, "[42] [INF] File log re-open ignored, not a file logger\n");
});

test("a log file above its limit is set aside, and a second one beside it", () => {
  const log = fileLog("big", 300);
  const long = "x".repeat(300);
  log.info(long);
  log.info("short");
  log.info(long);
  const backup = "big.2026.01.02.15.04.05.00600000";
  assert.equal(textOf(`${backup}0`), `[42] [INF] ${long}\n`);
  assert.match(textOf(`${backup}1`), /^\[42\] \[INF\] Rotated log, .*\n\[42\] \[INF\] short\n\[42\] \[INF\] x+\n$/);
  assert.equal(textOf("big"), `[42] [INF] Rotated log, backup saved as "${join(folder, backup)}1"\n`);
});

test("a limit smaller than a line neither loses lines nor loops", () => {
  const log = fileLog("tiny", 1);
  for (const text of ["one", "two", "three"]) log.info(text);
  const all = readdirSync(folder)
    .filter((name) => name.startsWith("tiny"))
    .map(textOf)
    .join("");
  for (const text of ["one", "two", "three"]) assert.ok(all.includes(`[INF] ${text}\n`), text);
});

test("a descriptor that cannot be written to stops nobody", () => {
  new DescriptorOutput(1 << 20).write("lost\n");
});
