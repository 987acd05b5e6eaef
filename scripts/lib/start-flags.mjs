// What `npm start` adds to the flags it was given.

const ADDRESS_FLAG = /^--?(a|addr|net)(=|$)/;

/**
 * Someone trying the server out should not open it to the network: without an address flag it listens on loopback, also
 * when a configuration file says otherwise (flags override files).
 *
 * @param {string[]} given - The flags after `npm start --`.
 */
export function startFlags(given) {
  return given.some((flag) => ADDRESS_FLAG.test(flag)) ? given : ["-a", "127.0.0.1", ...given];
}
