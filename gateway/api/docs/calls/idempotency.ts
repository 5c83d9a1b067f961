// Sends a write twice under one key, and then another write under it.
import { randomUUID } from "node:crypto";

const api = `${process.env.GATEWAY_URL ?? "http://127.0.0.1:8080"}/v1`;
const headers = {
  Authorization: `Bearer ${process.env.GATEWAY_KEY ?? "demo-key"}`,
  "Content-Type": "application/json",
  "Idempotency-Key": randomUUID(),
};

for (const name of ["Pier", "Pier", "Quay"]) {
  const body = JSON.stringify({ connection: "acme-close", name });
  const answer = await fetch(`${api}/opportunities`, { method: "POST", headers, body });
  console.log(answer.status, answer.headers.get("Idempotency-Status"));
}
