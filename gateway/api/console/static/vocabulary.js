// What may stand at a place of a draft or patch: members and values from the OpenAPI document,
// names and choices from the catalogues of the connections that are chosen.

import { ask, items } from "./gateway.js";

let document_;
const catalogues = new Map();

async function theDocument() {
  document_ ??= (await ask("GET", "/openapi.json")).json;
  return document_;
}

/** The catalogues of a connection, each asked for once; what a vendor does not list is empty. */
export function catalogue(connection) {
  if (!catalogues.has(connection)) catalogues.set(connection, asked(connection));
  return catalogues.get(connection);
}

export const forgetCatalogues = () => catalogues.clear();

async function asked(connection) {
  const root = `/v1/connections/${connection}`;
  const answer = await ask("GET", `${root}/capabilities`);
  const can = answer.ok ? answer.json : { operations: {}, vendor_fields: {}, fields: {} };
  const listed = (operation, path) =>
    ["unsupported", undefined].includes(can.operations[operation]) ? [] : items(`${root}/${path}`);
  const [pipelines, users, customFields] = await Promise.all([
    listed("list_pipelines", "pipelines"),
    listed("list_users", "users"),
    listed("list_custom_fields", "custom-fields"),
  ]);
  return { can, pipelines, users, customFields };
}

/** The words for drafts (`OpportunityDraft`) or patches over some connections. */
export async function vocabulary(model, connections) {
  const [{ components }, ...known] = await Promise.all([
    theDocument(),
    ...connections.map(catalogue),
  ]);
  const schemas = components.schemas;
  const schemaAt = (path) =>
    path.reduce((schema, name) => member(plain(schema, schemas), name), schemas[model]);
  return {
    /** Names for members of the object at a path. */
    names(path) {
      const own = Object.entries(plain(schemaAt(path), schemas)?.properties ?? {});
      const found = own
        .filter(([name]) => name !== "connection" || !connections.length)
        .map(([word, schema]) => ({
          word,
          note: shape(schema, schemas),
          opens: opening(schema, schemas),
        }));
      return [...found, ...known.flatMap((each) => namesOf(each, path))].filter(isFirst);
    },
    /** Values for the place at a path. */
    values(path) {
      const schema = plain(schemaAt(path), schemas);
      const listed = (schema?.enum ?? schema?.["x-extensible-enum"] ?? []).map((word) => ({
        word,
      }));
      return [...listed, ...known.flatMap((each) => valuesOf(each, path))].filter(isFirst);
    },
  };
}

const isFirst = (each, place, all) => all.findIndex((other) => other.word === each.word) === place;

const member = (schema, name) =>
  schema?.properties?.[name] ?? (typeof name === "number" ? schema?.items : undefined);

/** A schema without references and without null among its alternatives. */
function plain(schema, schemas) {
  if (!schema) return undefined;
  if (schema.$ref) return plain(schemas[schema.$ref.split("/").at(-1)], schemas);
  const other = schema.anyOf?.find((each) => each.type !== "null");
  return other ? plain(other, schemas) : schema;
}

function shape(schema, schemas) {
  const { type, format, enum: values } = plain(schema, schemas) ?? {};
  return values ? values.join(" | ") : (format ?? type ?? "");
}

const OPENINGS = { object: "{}", array: "[]", string: '""' };
const opening = (schema, schemas) => OPENINGS[plain(schema, schemas)?.type] ?? "";

const CUSTOM = new Set(["custom_fields", "custom_fields_add", "custom_fields_remove"]);

function namesOf({ can, customFields }, path) {
  if (path.length !== 1) return [];
  if (CUSTOM.has(path[0])) {
    const many = path[0] !== "custom_fields";
    return customFields
      .filter((each) => each.writable && (each.multiple || !many))
      .map((each) => ({
        word: each.key,
        note: `${each.label ?? each.vendor_key} · ${each.type}`,
        opens: each.multiple ? "[]" : ["number", "boolean"].includes(each.type) ? "" : '""',
      }));
  }
  if (path[0] !== "vendor_fields") return [];
  return Object.entries(can.vendor_fields).map(([word, { note }]) => ({
    word,
    note: note ?? "",
    opens: "",
  }));
}

function valuesOf({ pipelines, users, customFields }, path) {
  const [first, second] = path;
  const stages = pipelines.flatMap((each) => each.stages.map((stage) => [stage, each]));
  const pairs = {
    "stage/name": stages.map(([stage, { name }]) => [stage.name, name]),
    "stage/id": stages.map(([stage]) => [stage.id, stage.name]),
    "pipeline/name": pipelines.map(({ name }) => [name, ""]),
    "pipeline/id": pipelines.map(({ id, name }) => [id, name]),
    "owner/id": users.map(({ id, name }) => [id, name]),
    "owner/email": users.map(({ email, name }) => [email, name]),
  }[`${first}/${second}`];
  const field = CUSTOM.has(first) && customFields.find((each) => each.key === second);
  const found = pairs ?? (field?.choices ?? []).map((choice) => [choice, field.label]);
  return found.filter(([word]) => word).map(([word, note]) => ({ word, note: note ?? "" }));
}
