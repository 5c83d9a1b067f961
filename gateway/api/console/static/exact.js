// JSON whose numbers keep the digits that they were written with, where the browser can do it.

function kept(_key, value, context) {
  const source = context?.source;
  const loses = typeof value === "number" && source && String(value) !== source;
  return loses && JSON.rawJSON ? JSON.rawJSON(source) : value;
}

/** The value of a text. */
export const read = (text) => JSON.parse(text, kept);

/** The text of a value, to be read by people. */
export const written = (value) => JSON.stringify(value, null, 2);

/** Whether a value is a number that keeps its digits. */
export const isNumber = (value) => typeof value === "number" || Boolean(JSON.isRawJSON?.(value));

/** The digits of a number. */
export const digits = (value) => (typeof value === "number" ? String(value) : value.rawJSON);

/** The sum of decimal strings, to the last digit. */
export function sum(amounts) {
  const places = Math.max(0, ...amounts.map((each) => (each.split(".")[1] ?? "").length));
  const units = amounts.map((each) => {
    const [whole, fraction = ""] = each.split(".");
    return BigInt(whole + fraction.padEnd(places, "0"));
  });
  const total = units.reduce((one, other) => one + other, 0n);
  const text = String(total < 0n ? -total : total).padStart(places + 1, "0");
  const spelled = places ? `${text.slice(0, -places)}.${text.slice(-places)}` : text;
  return total < 0n ? `-${spelled}` : spelled;
}
