// How a script ends when it cannot go on.

/** Prints the error's text alone (a stack would hide it) and leaves with exit code 1. */
export function fail(error) {
  console.error(error.message);
  process.exit(1);
}
