// S2 and Snappy: blocks for messages one by one, streams for whole files.

export { compressedBytesMax, decompress, plainBytesOf, SnappyEncoder } from "./block.ts";
export { readS2Stream, S2Error, writeS2Stream } from "./stream.ts";
