// A simulated world: time that a test moves, chance that repeats, a disk that loses power, a network that fails when told to.

export { SimClock } from "./clock.ts";
export { type CrashMode, crashImage, SECTOR_BYTES } from "./crash.ts";
export { type DiskCall, type DiskFault, type DiskImage, type DiskOp, SimDisk, type SimDiskOptions } from "./disk.ts";
export { type Duration, durationMs } from "./duration.ts";
export { type Direction, type Fault, Faults } from "./faults.ts";
export { WireCutError } from "./faulty-duplex.ts";
export { SimRandom } from "./random.ts";
export { TestClock, TestClockError } from "./test-clock.ts";
