// Sends one write until it is decided, and another that has to be mended first.
import { randomUUID } from "node:crypto";

const api = `${process.env.GATEWAY_URL ?? "http://127.0.0.1:8080"}/v1`;
const headers = {
  Authorization: `Bearer ${process.env.GATEWAY_KEY ?? "demo-key"}`,
  "Content-Type": "application/json",
};

// Sends the same request under the same key for as long as that can help.
const create = async (draft = {}) => {
  const key = { "Idempotency-Key": randomUUID() };
  const request = { method: "POST", headers: { ...headers, ...key }, body: JSON.stringify(draft) };
  for (let left = 5; ; left -= 1) {
    const answer = await fetch(`${api}/opportunities`, request);
    const body = await answer.json();
    if (answer.ok || body.retry !== "same_request" || left === 1) return body;
    const seconds = Number(answer.headers.get("Retry-After") ?? "1");
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
};

console.log((await create({ connection: "acme-close", name: "Pier" })).name);

const problem = await create({ connection: "acme-close", nme: "Pier" });
const { status, code, retry, outcome } = problem;
console.log(`${status} ${code}, retry ${retry}, outcome ${outcome}`);
for (const { pointer, detail } of problem.errors) console.log(`${pointer}: ${detail}`);
