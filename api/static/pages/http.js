// @ts-check
// All requests of scripts: with the session's CSRF token, under a deadline, and with one type of error.

/** The session has ended, or the page is of an earlier one. */
export const SESSION_ENDED = "session_ended";
const UNREACHABLE = "unreachable";
const PROBLEM_JSON = "application/problem+json";
const DEADLINE_MS = 10_000;
const STALLED_MS = 60_000; // an upload of which nothing moved for so long has failed

/** The service refused a request, failed at it, or can't be reached. */
export class ServiceError extends Error {
  /**
   * @param {string} code one of the API's error codes, SESSION_ENDED, or `unreachable`
   * @param {string} message for people; a clause without its full stop
   * @param {number} [status] of the answer; 0 if none came
   * @param {string | null} [retryAfter] seconds, if the service says when to try again
   */
  constructor(code, message, status = 0, retryAfter = null) {
    super(message.replace(/\.$/, ""));
    this.name = "ServiceError";
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request would be refused again. */
  get isFinal() {
    return this.status >= 400 && this.status < 500 && this.status !== 408 && this.status !== 429;
  }
}

/**
 * What the service answered, if it is no error.
 *
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} text
 * @property {(name: string) => string | null} getHeader
 */

/**
 * @typedef {object} Options
 * @property {"GET" | "POST"} [method]
 * @property {BodyInit} [body]
 * @property {Record<string, string>} [headers]
 * @property {number} [deadlineMs] for the whole answer
 * @property {() => void} [leave] what to do if the session has ended; by default the page is loaded again, which leads to the
 *   sign-in, and that back here
 */

/**
 * Send a request and read the whole answer.
 *
 * @param {string} url
 * @param {Options} [options]
 * @returns {Promise<Answer>}
 * @throws {ServiceError}
 */
export async function send(url, { method = "GET", body, headers = {}, deadlineMs = DEADLINE_MS, leave = reload } = {}) {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), deadlineMs);
  try {
    const answer = await fetch(url, {
      method,
      body,
      headers: { ...makeHeaders(method), ...headers },
      cache: "no-store",
      signal: aborter.signal,
    });
    const text = await answer.text();
    return check({ status: answer.status, text, getHeader: (name) => answer.headers.get(name) }, answer.redirected, leave);
  } catch (error) {
    throw error instanceof ServiceError ? error : makeUnreachable();
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Post a body and tell how much of it has gone, from 0 to 1. fetch can't tell that.
 *
 * @param {string} url
 * @param {FormData} body
 * @param {(share: number) => void} onProgress
 * @returns {Promise<Answer>}
 * @throws {ServiceError}
 */
export function upload(url, body, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer = 0;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STALLED_MS);
    };
    request.open("POST", url);
    for (const [name, value] of Object.entries(makeHeaders("POST"))) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      wait();
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("loadend", () => {
      clearTimeout(timer);
      if (!request.status) return reject(makeUnreachable());
      const { status, responseText: text } = request;
      try {
        resolve(check({ status, text, getHeader: (name) => request.getResponseHeader(name) }, false, reload));
      } catch (error) {
        reject(error);
      }
    });
    wait();
    request.send(body);
  });
}

/** @param {string} method */
function makeHeaders(method) {
  /** @type {Record<string, string>} */
  const headers = { Accept: `${PROBLEM_JSON}, text/html;q=0.9, application/json;q=0.9` };
  const { csrfToken } = document.body.dataset;
  if (method !== "GET" && csrfToken) headers["X-CSRF-Token"] = csrfToken;
  return headers;
}

/**
 * @param {Answer} answer
 * @param {boolean} isRedirected to the sign-in: nothing that scripts ask for leads elsewhere
 * @param {() => void} leave
 */
function check(answer, isRedirected, leave) {
  if (answer.status === 401 || isRedirected) {
    leave();
    throw new ServiceError(SESSION_ENDED, "you are signed out", answer.status);
  }
  if (answer.status < 400) return answer;
  const { code, detail } = readProblem(answer);
  throw new ServiceError(code, detail, answer.status, answer.getHeader("Retry-After"));
}

/**
 * @param {Answer} answer
 * @returns {{ code: string, detail: string }}
 */
function readProblem({ status, text, getHeader }) {
  const unknown = { code: "http_error", detail: `the service answered ${status}` };
  if (!getHeader("Content-Type")?.startsWith(PROBLEM_JSON)) return unknown; // a proxy's own page
  try {
    return { ...unknown, ...JSON.parse(text) };
  } catch {
    return unknown;
  }
}

function makeUnreachable() {
  return new ServiceError(UNREACHABLE, "the service can't be reached");
}

function reload() {
  location.reload();
}
