// Sends an amount that the vendor can hold, and one that it cannot: refused, then rounded.
const api = `${process.env.GATEWAY_URL ?? "http://127.0.0.1:8080"}/v1/opportunities`;
const headers = {
  Authorization: `Bearer ${process.env.GATEWAY_KEY ?? "demo-key"}`,
  "Content-Type": "application/json",
};
const send = async (method = "", path = "", value = {}, more = {}) => {
  const body = JSON.stringify(value);
  const answer = await fetch(api + path, { method, headers: { ...headers, ...more }, body });
  return answer.json();
};

// Amounts stay strings, or become those of a decimal library: a number would be a binary float.
const draft = { connection: "acme-close", name: "Pier", value: { amount: "7500.00" } };
const { id, value } = await send("POST", "", draft);
console.log(`${value.amount} ${value.currency} ${value.period}`);

const finer = { value: { amount: "7500.005" } };
const refused = await send("PATCH", `/${id}`, finer);
console.log(`${refused.code}: ${refused.errors[0].allowed.join(" or ")}`);

const rounded = await send("PATCH", `/${id}`, finer, { Prefer: "handling=lenient" });
console.log(`${rounded.value.amount}, ${rounded.warnings[0].code}`);

export {};
