// Copies every opportunity of a connection page by page, and later what has changed since.
const api = `${process.env.GATEWAY_URL ?? "http://127.0.0.1:8080"}/v1/opportunities`;
const headers = {
  Authorization: `Bearer ${process.env.GATEWAY_KEY ?? "demo-key"}`,
  "Content-Type": "application/json",
};

// Yields whatever was updated then or later.
const changedSince = async function* (moment = "") {
  const query = { connection: "acme-close", limit: "8", updated_after: moment };
  for (let cursor = {}; ; ) {
    const answer = await fetch(`${api}?${new URLSearchParams({ ...query, ...cursor })}`, { headers });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const page = await answer.json();
    yield* page.items;
    if (page.next_cursor === null) return;
    cursor = { cursor: page.next_cursor };
  }
};

const began = new Date(Date.now() - 60_000).toISOString(); // to spare: bounds are inclusive
const copies = new Map();
for await (const each of changedSince("1970-01-01T00:00:00Z")) copies.set(each.id, each);
console.log(copies.size, "copied");

const [first] = copies.keys();
await fetch(`${api}/${first}`, { method: "PATCH", headers, body: '{"name": "Pier"}' });
let changes = 0;
for await (const each of changedSince(began)) {
  copies.set(each.id, each);
  changes += 1;
}
console.log(changes, "changed since");

export {};
