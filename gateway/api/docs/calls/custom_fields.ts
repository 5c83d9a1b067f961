// Reads what a custom field takes, sets it with a create, and adds a value to it.
const url = process.env.GATEWAY_URL ?? "http://127.0.0.1:8080";
const headers = {
  Authorization: `Bearer ${process.env.GATEWAY_KEY ?? "demo-key"}`,
  "Content-Type": "application/json",
};
const send = (method = "GET", path = "", body = {}) =>
  fetch(url + path, { method, headers, body: JSON.stringify(body) });

const fields = await fetch(`${url}/v1/connections/acme-close/custom-fields`, { headers });
for (const { key, type, choices } of (await fields.json()).items) {
  if (key === "robots") console.log(`${type}: ${choices.join(", ")}`);
}

const draft = { connection: "acme-close", name: "Pier", custom_fields: { robots: ["Picker"] } };
const made = await send("POST", "/v1/opportunities", draft);

const patch = { custom_fields_add: { robots: ["Courier"] } };
const changed = await send("PATCH", made.headers.get("Location") ?? "", patch);
console.log((await changed.json()).custom_fields.robots.join(", "));

export {};
