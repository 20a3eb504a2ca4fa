// Filter controls as an expression, and back: the expression is what the address keeps and the server reads.
//
// A choice says what one control asks for:
//   { any: ["a", "b"] }   str: one of these; list[str]: holds any of these
//   { begins: "ab" }      str: begins with
//   { min: 1, max: 2 }    int and float; either may be missing
//   { is: true }          bool
// What an expression says beyond that is kept as text in `rest` and joined to it again.

/** @typedef {{ any?: string[], begins?: string, min?: number, max?: number, is?: boolean }} Choice */
/** @typedef {Map<string, Choice>} Choices */
/** @typedef {Record<string, string>} Types Of the declared attributes. */
/** @typedef {{ text: string, kind: string, depth: number, start: number, end: number }} Token */

// Words that sqlglot would not read as a name; quoting more than that does no harm.
const PLAIN = /^[a-z_][a-z0-9_]*$/i;
const RESERVED = new Set(
  `all and any array as asc between both by case cast column constraint create cross current_date current_time
  current_timestamp current_user date default delete desc describe distinct drop else end escape except exists
  false fetch filter first for foreign format from full function group having if in index inner insert intersect interval
  into is join key language last lateral left like limit lock map merge model name natural next not null of offset on only or
  order outer over overlaps partition percent pivot primary range references replace right row rows schema select
  set show similar some start table temporary text then time timestamp to top true type union unique unnest update
  using values view when where window with year`.split(/\s+/),
);

/** @param {string} name */
export const quoteName = (name) =>
  PLAIN.test(name) && !RESERVED.has(name.toLowerCase()) ? name : `"${name.replaceAll('"', '""')}"`;
/** @param {string} text */
export const quoteText = (text) => `'${text.replaceAll("'", "''")}'`;

/**
 * The expression for a map of attribute name -> choice, joined to `rest`.
 *
 * @param {Choices} choices
 * @param {string} rest
 * @param {Types} types
 */
export function compose(choices, rest = "", types = {}) {
  const clauses = [...choices].flatMap(([name, choice]) => clausesOf(quoteName(name), choice, types[name]));
  if (rest) clauses.push(rest);
  return clauses.join(" and ");
}

/** @param {string} name @param {Choice} choice @param {string | undefined} type */
function clausesOf(name, choice, type) {
  const values = (choice.any ?? []).map(quoteText);
  if (values.length && type === "list[str]") return [`contains_any(${name}, ${values.join(", ")})`];
  if (values.length === 1) return [`${name} = ${values[0]}`];
  if (values.length) return [`${name} in (${values.join(", ")})`];
  if (choice.begins) return [`${name} like ${quoteText(`${choice.begins}%`)}`];
  if (typeof choice.is === "boolean") return [`${name} = ${choice.is}`];
  const bounds = [{ sign: ">=", bound: choice.min }, { sign: "<=", bound: choice.max }];
  return bounds.filter(({ bound }) => Number.isFinite(bound)).map(({ sign, bound }) => `${name} ${sign} ${bound}`);
}

/**
 * Splits an expression into { choices, rest } for the declared `types`; compose() gives back its meaning.
 *
 * @param {string | null} expression
 * @param {Types} types
 * @returns {{ choices: Choices, rest: string }}
 */
export function parse(expression, types) {
  /** @type {Choices} */
  const choices = new Map();
  const text = (expression ?? "").trim();
  const tokens = tokenise(text);
  const alone = { choices: new Map(), rest: text && tokens?.some(isOr) ? `(${text})` : text };
  if (!tokens || tokens.some(isOr)) return alone;
  const rest = [];
  for (const part of splitByAnd(tokens)) {
    const understood = readClause(part, types);
    if (!understood || !merge(choices, understood)) rest.push(text.slice(part[0].start, part[part.length - 1].end));
  }
  return { choices, rest: rest.join(" and ") };
}

/** @param {Token} token */
const isOr = (token) => token.depth === 0 && token.kind === "word" && /^or$/i.test(token.text);

const TOKEN = /\s+|'(?:[^']|'')*'|"(?:[^"]|"")*"|[<>!]=|<>|[=<>(),]|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[^\s'"=<>!(),]+/giy;

/**
 * Tokens with their places, or null where the text cannot be cut into any.
 *
 * @param {string} text
 * @returns {Token[] | null}
 */
function tokenise(text) {
  const tokens = [];
  let depth = 0;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const found = TOKEN.exec(text)?.[0];
    if (found === undefined) return null;
    if (/^\s/.test(found)) continue;
    if (found === ")") depth -= 1;
    tokens.push({ text: found, kind: kindOf(found), depth, start, end: start + found.length });
    if (found === "(") depth += 1;
  }
  return depth === 0 ? tokens : null;
}

/** @param {string} text */
function kindOf(text) {
  if (text.startsWith("'")) return "text";
  if (text.startsWith('"')) return "name";
  if (/^-?\d/.test(text)) return "number";
  return /^[=<>!(),]/.test(text) ? "sign" : "word";
}

/**
 * Parts between the `and`s that join; the one in `between a and b` does not.
 *
 * @param {Token[]} tokens
 */
function splitByAnd(tokens) {
  /** @type {Token[][]} */
  const parts = [[]];
  let between = false;
  for (const token of tokens) {
    const word = token.depth === 0 && token.kind === "word" ? token.text.toLowerCase() : "";
    if (word === "and" && !between) parts.push([]);
    else parts[parts.length - 1].push(token);
    if (word === "between") between = true;
    else if (word === "and") between = false;
  }
  return parts.filter((part) => part.length);
}

/** @param {Token} token */
const unquote = (token) => token.text.slice(1, -1).replaceAll(token.text[0].repeat(2), token.text[0]);
/** @param {Token} token */
const nameOf = (token) => (token.kind === "name" ? unquote(token) : token.text);

/**
 * One clause as [name, choice], or null where no control shows such a thing.
 *
 * @param {Token[]} tokens
 * @param {Types} types
 * @returns {[string, Choice] | null}
 */
function readClause(tokens, types) {
  const shape = tokens.map((token) => (token.kind === "sign" ? token.text : token.kind)).join(" ");
  const words = tokens.map((token) => token.text.toLowerCase());
  if (/^word \( (word|name) , text(?: , text)* \)$/.test(shape) && words[0] === "contains_any") {
    return fit(nameOf(tokens[2]), { any: textsOf(tokens) }, types, ["list[str]"]);
  }
  const name = nameOf(tokens[0]);
  if (/^(word|name) = text$/.test(shape)) return fit(name, { any: textsOf(tokens) }, types, ["str"]);
  if (/^(word|name) word \( text(?: , text)* \)$/.test(shape) && words[1] === "in") {
    return fit(name, { any: textsOf(tokens) }, types, ["str"]);
  }
  if (/^(word|name) word text$/.test(shape) && words[1] === "like" && /^[^%_]+%$/.test(unquote(tokens[2]))) {
    return fit(name, { begins: unquote(tokens[2]).slice(0, -1) }, types, ["str"]);
  }
  if (/^(word|name) [<>]= number$/.test(shape)) {
    return fit(name, { [words[1] === ">=" ? "min" : "max"]: Number(words[2]) }, types, ["int", "float"]);
  }
  if (/^(word|name) = word$/.test(shape) && ["true", "false"].includes(words[2])) {
    return fit(name, { is: words[2] === "true" }, types, ["bool"]);
  }
  return null;
}

/** @param {Token[]} tokens */
const textsOf = (tokens) => tokens.filter((token) => token.kind === "text").map(unquote);
/**
 * @param {string} name
 * @param {Choice} choice
 * @param {Types} types
 * @param {string[]} allowed
 * @returns {[string, Choice] | null}
 */
const fit = (name, choice, types, allowed) => (allowed.includes(types[name]) ? [name, choice] : null);

/**
 * Adds a choice; false where its control already asks for something that it cannot show beside it.
 *
 * @param {Choices} choices
 * @param {[string, Choice]} understood
 */
function merge(choices, [name, choice]) {
  const present = choices.get(name);
  if (present && Object.keys(present).some((key) => key in choice || !["min", "max"].includes(key))) return false;
  choices.set(name, { ...present, ...choice });
  return true;
}
