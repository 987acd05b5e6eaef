// Go's words for errors of files and sockets: launchers and people know them from nats-server.

const TEXTS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EISDIR: "is a directory",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
};

/** The words for a platform's error; undefined for one that has none. */
export function systemErrorText(error: Error): string | undefined {
  return TEXTS[(error as NodeJS.ErrnoException).code ?? ""];
}

/** `open /x/y: no such file or directory` */
export function fileErrorText(operation: string, path: string, error: Error): string {
  return `${operation} ${path}: ${systemErrorText(error) ?? error.message}`;
}
