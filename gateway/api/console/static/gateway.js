// The API. The key lies in this variable and nowhere else: a reload forgets it.

import { read } from "./exact.js";

let key = "";

export function useKey(given) {
  key = given;
}

/**
 * One request. The answer has `ok`, `status`, `headers`, `json`, and where it is not ok a `problem`
 * (RFC 9457), also where no answer came.
 */
export async function ask(method, path, { body, headers = {} } = {}) {
  const kind = body === undefined ? {} : { "Content-Type": "application/json" };
  try {
    const answer = await fetch(path, {
      method,
      body,
      headers: { Authorization: `Bearer ${key}`, ...kind, ...headers },
      cache: "no-store",
      credentials: "omit",
    });
    const text = await answer.text();
    const json = text ? read(text) : null;
    const told = { ok: answer.ok, status: answer.status, headers: answer.headers, json };
    return answer.ok ? told : { ...told, problem: json };
  } catch (error) {
    return { ok: false, status: 0, headers: new Headers(), json: null, problem: unanswered(error) };
  }
}

function unanswered(error) {
  const detail = `No answer that can be read came: ${error.message}`;
  return {
    title: "The gateway does not answer",
    code: "",
    detail,
    retry: "same_request",
    status: 0,
  };
}

/** All items of a list that has no pages; none where it cannot be had. */
export async function items(path) {
  const answer = await ask("GET", path);
  return answer.ok ? answer.json.items : [];
}

/** An `Idempotency-Key`; `crypto.randomUUID` is missing where a page comes without TLS. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
