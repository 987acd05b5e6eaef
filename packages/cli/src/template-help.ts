// The paragraph of help that every command with templates has.

/** Names what may stand in braces. */
export const TEMPLATE_HELP: string = `Subject, body and header values may hold templates, which are filled in for each message:

  {{Count}}           number of the message
  {{ID}}              a unique id
  {{Random 10 100}}   random letters and digits, 10 to 100 of them
  {{Time}}            local time, as in 3:04PM
  {{TimeStamp}}       local time in RFC 3339
  {{Unix}}            seconds since 1970
  {{UnixNano}}        nanoseconds since 1970`;
