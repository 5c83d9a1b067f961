// The scenario, as a user of openapi-typescript and openapi-fetch writes it; prints its transcript.

import createClient from "openapi-fetch";
import type { components, paths } from "./gateway.d.ts";

type Opportunity = components["schemas"]["Opportunity"];
type OpportunityDraft = components["schemas"]["OpportunityDraft"];
type OpportunityPatch = components["schemas"]["OpportunityPatch"];
type Problem = components["schemas"]["Problem"];
type Answer<T> = { data?: T | undefined; error?: Problem | undefined; response: Response };

/** What a problem of the gateway tells that differs from run to run. */
const OF_ONE_REQUEST = ["detail", "instance", "request_id", "operation_id", "etag"];

function environ(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

function connected(url: string, key: string) {
  const headers = { Authorization: `Bearer ${environ(key)}` };
  return createClient<paths>({ baseUrl: environ(url), headers });
}

const gateway = connected("GATEWAY_URL", "GATEWAY_KEY");
const reader = connected("GATEWAY_URL", "READER_KEY");
const stranger = connected("GATEWAY_URL", "STRANGER_KEY");
const hasty = connected("GATEWAY_URL", "HASTY_KEY");
const later = connected("LATER_URL", "GATEWAY_KEY");
const key = environ("RUN");

function tell(step: string, members: object): void {
  console.log(JSON.stringify({ step, ...members }));
}

/** What the document of today has no name for. */
function added(value: object): unknown {
  return (value as Record<string, unknown>)["added_later"] ?? null;
}

function succeeded<T>({ data, error, response }: Answer<T>): T {
  if (data === undefined) throw new Error(`${response.status} ${JSON.stringify(error)}`);
  return data;
}

function told(opportunity: Opportunity): object {
  return {
    id: opportunity.id,
    name: opportunity.name,
    description: opportunity.description,
    amount: opportunity.value?.amount ?? null,
    currency: opportunity.value?.currency ?? null,
    period: opportunity.value?.period ?? null,
    probability: opportunity.probability,
    status: opportunity.status,
    stage: opportunity.stage?.name ?? null,
    stage_status: opportunity.stage?.status ?? null,
    expected_close_date: opportunity.expected_close_date,
    contract: opportunity.custom_fields["contract"] ?? null,
    robots: opportunity.custom_fields["robots"] ?? null,
    warnings: opportunity.warnings.map((warning) => warning.code),
    dated: !Number.isNaN(Date.parse(opportunity.created_at ?? "")),
    added_later: added(opportunity),
  };
}

function spelled(problem: Problem): Record<string, unknown> {
  const { vendor, errors } = problem;
  return {
    type: problem.type,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    instance: problem.instance,
    code: problem.code,
    origin: problem.origin,
    retry: problem.retry,
    request_id: problem.request_id,
    outcome: problem.outcome ?? null,
    operation_id: problem.operation_id ?? null,
    opportunity_id: problem.opportunity_id ?? null,
    etag: problem.etag ?? null,
    applied: problem.applied ?? null,
    vendor: vendor
      ? {
          name: vendor.name ?? null,
          connection: vendor.connection ?? null,
          status: vendor.status ?? null,
          code: vendor.code ?? null,
          message: vendor.message ?? null,
        }
      : null,
    errors:
      errors?.map((error) => ({
        code: error.code,
        detail: error.detail,
        pointer: error.pointer ?? null,
        parameter: error.parameter ?? null,
        header: error.header ?? null,
        allowed: error.allowed ?? null,
      })) ?? null,
    added_later: added(problem),
  };
}

function tellWrite(step: string, answer: Answer<Opportunity>): Opportunity {
  const opportunity = succeeded(answer);
  const { status, headers } = answer.response;
  tell(step, {
    http: status,
    key: headers.get("Idempotency-Status"),
    replayed: headers.get("Idempotent-Replayed"),
    located: headers.get("Location"),
    versioned: headers.get("ETag") === opportunity.etag,
    opportunity: told(opportunity),
  });
  return opportunity;
}

function tellProblem(step: string, { error, response }: Answer<unknown>): void {
  if (error === undefined) throw new Error(`${step} was no problem: ${response.status}`);
  const problem = spelled(error);
  for (const name of OF_ONE_REQUEST) delete problem[name];
  tell(step, { http: response.status, waits: response.headers.has("Retry-After"), problem });
}

function create(body: OpportunityDraft, idempotencyKey?: string) {
  const header = idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey };
  return gateway.POST("/v1/opportunities", { params: { header }, body });
}

function get(client: typeof gateway, id: string, ifNoneMatch?: string) {
  const header = ifNoneMatch === undefined ? {} : { "If-None-Match": ifNoneMatch };
  const params = { path: { opportunity_id: id }, header };
  return client.GET("/v1/opportunities/{opportunity_id}", { params });
}

function update(client: typeof gateway, id: string, body: OpportunityPatch, ifMatch?: string) {
  const header = ifMatch === undefined ? {} : { "If-Match": ifMatch };
  const params = { path: { opportunity_id: id }, header };
  return client.PATCH("/v1/opportunities/{opportunity_id}", { params, body });
}

function list(client: typeof gateway, query: paths["/v1/opportunities"]["get"]["parameters"]["query"]) {
  return client.GET("/v1/opportunities", { params: query === undefined ? {} : { query } });
}

function connection(client: typeof gateway, name: string) {
  const params = { path: { connection: name } };
  return client.GET("/v1/connections/{connection}", { params });
}

async function createAndReplay(): Promise<Opportunity> {
  const draft: OpportunityDraft = {
    connection: "acme-close",
    name: "Warehouse roof",
    description: "South side first.",
    value: { amount: "7500.00" },
    stage: { name: "Proposal sent" },
    expected_close_date: "2031-05-30",
    custom_fields: { robots: ["Picker"], contract: "https://example.com/contracts/roof" },
  };
  tellWrite("create", await create(draft, `${key}-create`));
  const made = tellWrite("replay", await create(draft, `${key}-create`));
  const another = await create({ ...draft, name: "Another roof" }, `${key}-create`);
  tellProblem("another under the key", another);
  return made;
}

async function read(made: Opportunity): Promise<void> {
  const answer = await get(gateway, made.id);
  const found = succeeded(answer);
  const same = found.etag === made.etag;
  tell("read", { http: answer.response.status, same, opportunity: told(found) });
  tell("read again", { http: (await get(gateway, made.id, found.etag)).response.status });
}

async function change(made: Opportunity): Promise<void> {
  const patch: OpportunityPatch = {
    description: null,
    value: { amount: "8000.50" },
    custom_fields: { robots: ["Courier"], contract: null },
  };
  const params = {
    path: { opportunity_id: made.id },
    header: { "If-Match": made.etag, "Idempotency-Key": `${key}-change` },
  };
  const path = "/v1/opportunities/{opportunity_id}";
  tellWrite("change", await gateway.PATCH(path, { params, body: patch }));
  const more: OpportunityPatch = { custom_fields_add: { robots: ["Inspector"] } };
  tellWrite("add", await update(gateway, made.id, more, "*"));
  tellProblem("stale version", await update(gateway, made.id, more, made.etag));
}

async function listToTheEnd(): Promise<void> {
  const items: string[] = [];
  let pages = 0;
  for (let cursor: string | null | undefined; cursor !== null; pages += 1) {
    const query = { connection: ["acme-close", "acme-reevo"], limit: 7, ...(cursor && { cursor }) };
    const page = succeeded(await list(gateway, query));
    items.push(...page.items.map((opportunity) => opportunity.id));
    cursor = page.next_cursor;
  }
  tell("list", { pages, items });
  const page = succeeded(await list(gateway, { connection: ["acme-reevo", "abroad-close"] }));
  const failed = page.errors.map((trouble) => [trouble.connection, trouble.problem.code]);
  tell("list without one", { items: page.items.length, failed });
}

async function meetProblems(made: Opportunity): Promise<void> {
  const twin: OpportunityDraft = { connection: "acme-coperniq", name: "Harbour roof" };
  const cents: OpportunityDraft = { connection: "acme-slant", name: "R", value: { amount: "10.50" } };
  const name: OpportunityPatch = { name: "Roof" };
  await create(twin);
  tellProblem("bad cursor", await list(gateway, { cursor: "x" }));
  tellProblem("unknown caller", await get(stranger, made.id));
  tellProblem("without the right", await update(reader, made.id, name));
  tellProblem("no connection", await connection(gateway, "nowhere"));
  tellProblem("no opportunity", await get(gateway, "acme-close.nothing"));
  tellProblem("twin", await create(twin));
  const stage = { stage: { name: "No such stage" } };
  tellProblem("unknown stage", await update(gateway, made.id, stage));
  tellProblem("unknown field", await update(gateway, made.id, { custom_fields: { nil: 1 } }));
  tellProblem("cents", await create(cents));
  tellProblem("no version", await update(gateway, "careful-close.1", name));
  tellProblem("credentials", await get(gateway, "abroad-close.oppo_1"));
  tellProblem("switched off", await get(gateway, "resting-close.oppo_1"));
  let answer = await connection(hasty, "acme-close");
  while (answer.response.status === 200) answer = await connection(hasty, "acme-close");
  tellProblem("too many", answer);
}

async function meetEveryProblem(): Promise<void> {
  for (const which of environ("PROBLEMS").split(" ")) {
    const { error, response } = await update(later, which, {});
    if (error === undefined) throw new Error(`${which} was no problem`);
    tell(`problem ${which}`, { http: response.status, problem: spelled(error) });
  }
}

async function surviveALaterRelease(made: Opportunity): Promise<void> {
  tell("later", { opportunity: told(succeeded(await get(later, made.id))) });
  const query = { connection: ["acme-reevo", "abroad-close"], limit: 1 };
  const page = succeeded(await list(later, query));
  tell("later page", {
    items: page.items.map(told),
    failed: page.errors.map((trouble) => trouble.problem.code),
    added_later: added(page),
  });
  const params = { path: { connection: "acme-close" } };
  const path = "/v1/connections/{connection}/capabilities";
  const capabilities = succeeded(await later.GET(path, { params }));
  const operations = await later.GET("/v1/operations", { params: { query: { limit: 1 } } });
  tell("later values", {
    state: succeeded(await connection(later, "acme-close")).state,
    delete: capabilities.delete,
    reads: capabilities.fields["name"]?.read,
    operations: succeeded(operations).items.map((operation) => operation.state),
  });
}

async function remove(made: Opportunity): Promise<void> {
  const params = { path: { opportunity_id: made.id } };
  const deleted = await gateway.DELETE("/v1/opportunities/{opportunity_id}", { params });
  tell("delete", { http: deleted.response.status });
  tellProblem("gone", await get(gateway, made.id));
}

const made = await createAndReplay();
await read(made);
await change(made);
await listToTheEnd();
await meetProblems(made);
await meetEveryProblem();
await surviveALaterRelease(made);
await remove(made);
