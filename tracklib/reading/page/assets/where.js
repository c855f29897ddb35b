/* The filter: the grammar of `tracklib.reading.where`, held to the same table of cases as the Python one.

     condition   = conjunction ("or" conjunction)*
     conjunction = negation ("and" negation)*
     negation    = "not" negation | "(" condition ")" | NAME [OP VALUE]                                             */

class WhereError extends Error {
  constructor(problem, at) {
    super(problem);
    this.at = at;
  }
}

const DEPTH = 100;
const UNITS = { s: 1, sec: 1, min: 60, m: 60, h: 3600, d: 86400, w: 7 * 86400 };
const TIMES = ["age", "took"];
const WORD = String.raw`[^\s()=!<>~${"`"}"']+`;
const TOKEN = new RegExp(String.raw`\s*(?:(?<operator>==|!=|<=|>=|=|<|>|~)|(?<bracket>[()])|${"`"}(?<name>[^${"`"}]*)${"`"}|"(?<double>(?:[^"\\]|\\.)*)"|'(?<single>(?:[^'\\]|\\.)*)'|(?<word>${WORD}))`, "ysu");
const NUMBER = /^\s*[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?|nan)\s*$/i;

/** The number that a text says, if it does. */
function asNumber(text) {
  if (!NUMBER.test(text)) return null;
  if (/nan/i.test(text)) return NaN;
  return /inf/i.test(text) ? (text.includes("-") ? -Infinity : Infinity) : Number(text);
}

function tokensOf(text) {
  const found = [];
  const end = text.trimEnd().length;
  let at = 0;
  while (at < end) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) {
      at += text.slice(at).length - text.slice(at).trimStart().length;
      const odd = text[at];
      throw new WhereError("`\"'".includes(odd) ? `this ${odd} has no second one` : `'${odd}' means nothing here`, at);
    }
    const [kind, content] = Object.entries(match.groups).find(([, part]) => part !== undefined);
    found.push({ kind, text: content, at: at + match[0].length - match[0].trimStart().length });
    at += match[0].length;
  }
  return [...found, { kind: "end", text: "", at: end }];
}

/** What says of a run whether it meets the condition. */
function parseWhere(text) {
  const parser = { tokens: tokensOf(text), next: 0, depth: 0 };
  const found = condition(parser);
  if (token(parser).kind !== "end") wrong(parser, "'and' or 'or' is wanted here");
  return found;
}

const token = (parser) => parser.tokens[parser.next];

function wrong(parser, problem, where = token(parser)) {
  throw new WhereError(problem, where.at);
}

/** Whether the next token is `word`; then it is taken. */
function takes(parser, word) {
  const { kind, text } = token(parser);
  const isIt = kind === "bracket" ? text === word : kind === "word" && text.toLowerCase() === word;
  if (isIt) parser.next++;
  return isIt;
}

function condition(parser) {
  const each = [conjunction(parser)];
  while (takes(parser, "or")) each.push(conjunction(parser));
  return each.length === 1 ? each[0] : (run) => each.some((part) => part(run));
}

function conjunction(parser) {
  const each = [negation(parser)];
  while (takes(parser, "and")) each.push(negation(parser));
  return each.length === 1 ? each[0] : (run) => each.every((part) => part(run));
}

function negation(parser) {
  if (++parser.depth > DEPTH) wrong(parser, `it is nested more than ${DEPTH} deep`);
  try {
    if (takes(parser, "not")) {
      const negated = negation(parser);
      return (run) => !negated(run);
    }
    const opened = token(parser);
    if (!takes(parser, "(")) return comparison(parser);
    const inner = condition(parser);
    if (!takes(parser, ")")) wrong(parser, "a ) is wanted here", token(parser).kind === "end" ? opened : undefined);
    return inner;
  } finally {
    parser.depth--;
  }
}

function comparison(parser) {
  const name = take(parser, ["word", "name"], "the name of a param, a metric or a tag is wanted here");
  if (name.kind === "word" && /^(and|or)$/i.test(name.text)) wrong(parser, `a name is wanted before '${name.text}'`, name);
  const value = getter(name.text);
  if (token(parser).kind !== "operator") return (run) => value(run) != null && value(run) !== false;
  const operator = take(parser, ["operator"], "").text;
  const said = take(parser, ["word", "double", "single", "name"], `a value is wanted behind ${operator}`);
  const isTime = TIMES.includes(name.text);
  const wanted = wantedValue(said, isTime);
  if (isTime && asNumber(String(wanted)) === null) wrong(parser, "a time is wanted here, as 30min, 2h or 7d", said);
  return (run) => {
    const found = value(run);
    return found != null && COMPARED[operator](found, wanted);
  };
}

function take(parser, kinds, wanted) {
  const found = token(parser);
  if (!kinds.includes(found.kind)) wrong(parser, wanted);
  parser.next++;
  return found;
}

/** What stands behind an operator; only a bare word may be a number or a duration. */
function wantedValue({ kind, text }, isTime) {
  if (kind === "double" || kind === "single") return text.replace(/\\(.)/gs, "$1");
  if (kind !== "word") return text;
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  if (asNumber(text) !== null) return asNumber(text);
  const duration = isTime && /^(\d+(?:\.\d+)?)(s|sec|min|m|h|d|w)$/.exec(text);
  return duration ? Number(duration[1]) * UNITS[duration[2]] : text;
}

/** Both as numbers, if both are; a text that says one is one, true and false are none. */
function bothNumbers(found, wanted) {
  const pair = [found, wanted].map((value) => (typeof value === "number" ? value : typeof value === "boolean" ? null : asNumber(value)));
  return pair.includes(null) ? null : pair;
}

function isEqual(found, wanted) {
  const numbers = bothNumbers(found, wanted);
  if (numbers && typeof wanted !== "string") return numbers[0] === numbers[1] || (Number.isNaN(numbers[0]) && Number.isNaN(numbers[1]));
  return String(found) === String(wanted);
}

const ordered = (compare) => (found, wanted) => {
  const numbers = bothNumbers(found, wanted);
  if (numbers) return compare(...numbers);
  return typeof found === "string" && typeof wanted === "string" && compare(found, wanted);
};

const COMPARED = {
  "=": isEqual,
  "==": isEqual,
  "!=": (found, wanted) => !isEqual(found, wanted),
  "<": ordered((a, b) => a < b),
  "<=": ordered((a, b) => a <= b),
  ">": ordered((a, b) => a > b),
  ">=": ordered((a, b) => a >= b),
  "~": (found, wanted) => String(found).toLowerCase().includes(String(wanted).toLowerCase()),
};

/* How a name and a value are written so that they are read as such. */
const isWord = (text) => new RegExp(`^${WORD}$`).test(text) && !/^(and|or|not|true|false)$/i.test(text);
const quoted = (name) => (isWord(name) ? name : `\`${name}\``);
const quotedValue = (text) => (isWord(text) && !text.includes("\\") ? text : `"${text.replace(/["\\]/g, "\\$&")}"`);
