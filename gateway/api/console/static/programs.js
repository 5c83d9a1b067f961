// A call as a program that somebody can take along. The key is never in it: programs read theirs
// from the environment.

import { digits, isNumber } from "./exact.js";

const INDENT = "    ";

function curl({ method, path, headers, body }) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [
    `curl -sS -X ${method} "$GATEWAY_URL${path}"`,
    `-H "Authorization: Bearer $GATEWAY_KEY"`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`--data-raw ${quoted(JSON.stringify(body, null, 2))}`]),
  ];
  return `${lines.join(" \\\n  ")}\n`;
}

function python({ method, path, headers, body }) {
  const sent = Object.entries(headers).map(
    ([name, value]) => `${INDENT}${INDENT}${JSON.stringify(name)}: ${JSON.stringify(value)},\n`,
  );
  return `import os

import httpx

answer = httpx.request(
    "${method}",
    os.environ["GATEWAY_URL"] + ${JSON.stringify(path)},
    headers={
        "Authorization": "Bearer " + os.environ["GATEWAY_KEY"],
${sent.join("")}    },
${body === undefined ? "" : `${INDENT}json=${literal(body, INDENT)},\n`}    timeout=60,
)
print(answer.status_code, answer.text)
`;
}

/** A value as Python spells it. */
function literal(value, indent) {
  if (isNumber(value)) return digits(value);
  if (value === null || typeof value === "boolean")
    return { null: "None", true: "True", false: "False" }[value];
  if (typeof value === "string") return JSON.stringify(value);
  const inner = indent + INDENT;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const members = Array.isArray(value)
    ? value.map((each) => literal(each, inner))
    : Object.entries(value).map(
        ([name, each]) => `${JSON.stringify(name)}: ${literal(each, inner)}`,
      );
  return members.length
    ? `${open}\n${members.map((each) => `${inner}${each},\n`).join("")}${indent}${close}`
    : open + close;
}

function typescript({ method, path, headers, body }) {
  const sent = Object.entries(headers).map(
    ([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`,
  );
  const text =
    body === undefined
      ? ""
      : `  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll("\n", "\n  ")}),\n`;
  return `const { GATEWAY_URL, GATEWAY_KEY } = process.env;
const answer = await fetch(GATEWAY_URL + ${JSON.stringify(path)}, {
  method: "${method}",
  headers: {
    Authorization: \`Bearer \${GATEWAY_KEY}\`,
${sent.join("")}  },
${text}});
console.log(answer.status, await answer.text());
`;
}

/** Language → the program that makes a call: `method`, `path`, `headers`, `body`. */
export const PROGRAMS = { curl, Python: python, TypeScript: typescript };
