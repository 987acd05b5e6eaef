// What goes wrong with OCSP.

/** There is no OCSP answer that can be used, or it says that a certificate is not good; the text says which. */
export class OcspError extends Error {
  override readonly name = "OcspError";
  readonly code = "OCSP_FAILED";
}
