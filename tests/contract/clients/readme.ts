import createClient from "openapi-fetch";
import type { paths } from "./gateway.d.ts";

const { GATEWAY_URL: baseUrl = "", GATEWAY_KEY } = process.env;
const gateway = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${GATEWAY_KEY}` } });
const { data, error } = await gateway.POST("/v1/opportunities", {
  params: { header: { "Idempotency-Key": "harbour-1" } },
  body: { connection: "acme-close", name: "Harbour", value: { amount: "7500.00" } },
});
if (error) throw new Error(`${error.code}: ${error.detail}`);
console.log(data.id, data.name, data.status);
