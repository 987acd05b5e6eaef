// Myelin's own version. The nats-server release whose behaviour is matched is the protocol's SERVER_VERSION.

/** A test holds it equal to the package's, which is read from no file at run time. */
export const MYELIN_VERSION = "0.1.0";
