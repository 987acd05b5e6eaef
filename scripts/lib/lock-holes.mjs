// Finds optional platform packages that a lock names but does not list; see ../lock.mjs.

const SYSTEMS = new Set([
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
]);
const PROCESSORS = new Set([
  "arm",
  "arm64",
  "ia32",
  "loong64",
  "mips64el",
  "ppc64",
  "riscv64",
  "s390x",
  "wasm32",
  "x64",
]);
const LIBRARIES = new Map([
  ["gnu", "glibc"],
  ["gnueabihf", "glibc"],
  ["musl", "musl"],
  ["musleabihf", "musl"],
]);

/**
 * @param {object} lock - A package-lock.json of version 3, parsed.
 * @returns {{ key: string, entry: object }[]} What to add to `lock.packages`.
 */
export function lockHoles(lock) {
  const holes = new Map();
  for (const [owner, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const key = `node_modules/${name}`;
      if (lock.packages[key] !== undefined || lock.packages[`${owner}/${key}`] !== undefined) continue;
      holes.set(key, { key, entry: platformEntry(name, version, dev === true) });
    }
  }
  return [...holes.values()];
}

/** `@scope/tool-linux-arm64-musl` says all that npm wants to know. */
function platformEntry(name, version, dev) {
  const words = name.split("/").at(-1).split("-");
  const cpu = words.filter((word) => PROCESSORS.has(word));
  const os = words.filter((word) => SYSTEMS.has(word));
  const libc = words.flatMap((word) => LIBRARIES.get(word) ?? []);
  return {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev }),
    ...(os.includes("linux") && libc.length > 0 && { libc }),
    optional: true,
    ...(os.length > 0 && { os }),
  };
}
