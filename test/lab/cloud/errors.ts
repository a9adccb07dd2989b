/** An error answer as the original gives it: `{"error":{"code","message","details"}}`. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: unknown;

  constructor(status: number, code: string, message: string, details: unknown = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/**
 * A request that this stand-in does not know. It is answered with 501, which no client retries or tolerates
 * (a 404 on a delete would pass for success), and it is counted for the tests.
 */
export class Unexpected extends Error {}

/** `field` is a path into the body, for example `rules[0].port`. */
export function invalidInput(field: string, message: string): ApiError {
  return new ApiError(422, "invalid_input", `invalid input in field '${field}'`, {
    fields: [{ name: field, messages: [message] }],
  });
}

export function notFound(what: string): ApiError {
  return new ApiError(404, "not_found", `${what} not found`);
}

export function notUnique(message: string): ApiError {
  return new ApiError(409, "uniqueness_error", message);
}

export function isProtected(what: string): ApiError {
  return new ApiError(403, "protected", `${what} is protected`);
}
