// Finds out what JavaScript code does, so that tests can be written that hold it to that.
//
// Requests come as JSON lines on standard input, answers go as JSON lines to standard output. The code under test runs in
// threads that can be ended, and an edited file is compiled from memory; only what runs the repository's own tests on
// mutants writes, into a temporary copy.
//
//     {"cmd": "open", ...}     which file, and what is known about inputs
//     {"cmd": "explore", ...}  calls with generated inputs and what came out, twice the same
//     {"cmd": "kill", ...}     for each mutant the calls that tell it from the original
//     {"cmd": "existing", ...} the mutants that the repository's own tests notice
//     {"cmd": "write", ...}    some of the calls as a test file
//     {"cmd": "score", ...}    the mutants that a test file notices, run as it stands
"use strict";
const threads = require("node:worker_threads");
const readline = require("node:readline");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const vm = require("node:vm");
const { spawn } = require("node:child_process");

const state = { root: "", file: "", text: "", seeds: {}, pool: {}, cases: new Map(), next: 0, esm: false };
const answer = (value) => process.stdout.write(JSON.stringify(value) + "\n");

// ---------------------------------------------------------------- the thread that works

/** A thread and the one question it has been asked; what it says on the way is kept. */
class Helper {
  ask(question, wall) {
    if (!this.thread) {
      this.thread = new threads.Worker(INNER, {
        eval: true, stdout: true, stderr: true, stdin: false,
        execArgv: ["--experimental-vm-modules", "--no-warnings"],
        resourceLimits: { maxOldGenerationSizeMb: 512 },
      });
      this.thread.stdout.resume();
      this.thread.stderr.resume();
      this.thread.on("error", () => {});
    }
    const thread = this.thread;
    return new Promise((resolve) => {
      const said = [];
      const end = (how) => {
        clearTimeout(timer);
        thread.removeAllListeners("message");
        thread.removeAllListeners("exit");
        resolve({ how, said });
      };
      thread.on("message", (value) => (value.whole ? end("whole") : said.push(value)));
      thread.once("exit", () => {
        this.thread = null;
        end("died");
      });
      const timer = setTimeout(() => {
        this.thread = null;
        end("late");
        thread.terminate();
      }, wall * 1000);
      thread.postMessage({ root: state.root, file: state.file, esm: state.esm, ...question });
    });
  }

  end() {
    this.thread?.terminate();
    this.thread = null;
  }
}

/** Puts questions to several threads at once; each answer goes to `done`. */
async function spread(parallel, questions, wall, done) {
  const waiting = [...questions];
  const one = async () => {
    const helper = new Helper();
    while (waiting.length > 0) {
      const { key, question } = waiting.shift();
      done(key, await helper.ask(question, wall));
    }
    helper.end();
  };
  await Promise.all(Array.from({ length: Math.max(1, parallel) }, one));
}

// ---------------------------------------------------------------- inputs

let seed = 1;
const random = () => {
  // mulberry32: small, and the same everywhere
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

const TEXT = "toUpperCase|toLowerCase|split|charAt|charCodeAt|codePointAt|trim|trimStart|trimEnd|startsWith|endsWith|replace|replaceAll|substring|substr|padStart|padEnd|match|localeCompare|normalize|repeat";
const LIST = "map|filter|reduce|forEach|push|pop|shift|unshift|sort|splice|some|every|find|findIndex|flat|flatMap|join|reverse|fill|reduceRight";

/** What the body of a function says about one of its parameters: kinds, the likelier ones more often. */
function kindsOf(name, initial, body, docs) {
  const n = name.replace(/[$]/g, "\\$&");
  const says = (pattern) => new RegExp(pattern).test(body);
  const kinds = [];
  const type = docs.match(new RegExp(`@param\\s*\\{([^}]*)\\}\\s*\\[?${n}\\b`))?.[1] ?? "";
  if (/string\[\]|Array<string>/.test(type)) kinds.push("texts", "texts", "texts");
  else if (/\[\]|Array/.test(type)) kinds.push("numbers", "numbers", "numbers");
  else if (/string/.test(type)) kinds.push("text", "text", "text");
  else if (/number/.test(type)) kinds.push("number", "number", "number");
  else if (/boolean/.test(type)) kinds.push("truth", "truth", "truth");
  if (initial !== undefined) {
    if (/^-?\d/.test(initial)) kinds.push("number", "number");
    else if (/^["'`]/.test(initial)) kinds.push("text", "text");
    else if (/^\[/.test(initial)) kinds.push("numbers", "numbers");
    else if (/^(true|false)/.test(initial)) kinds.push("truth", "truth");
    else if (/^\{/.test(initial)) kinds.push("record");
  }
  if (says(`\\b${n}\\.(${TEXT})\\b`)) kinds.push("text", "text", "text");
  if (says(`\\b${n}\\.(${LIST})\\b`)) kinds.push("numbers", "numbers", "texts");
  if (says(`\\bof\\s+${n}\\b|\\[\\.\\.\\.${n}\\]|\\b${n}\\.(length|slice|includes|indexOf|concat|at)\\b|\\b${n}\\[`)) kinds.push("numbers", "text", "texts");
  if (says(`[-*/%]\\s*${n}\\b|\\b${n}\\s*([-*/%]|\\*\\*)\\s*[\\w(]|Math\\.\\w+\\(${n}\\b|\\b${n}\\s*[<>]=?|[<>]=?\\s*${n}\\b|\\b${n}(\\+\\+|--)|Number\\.isInteger\\(${n}`)) kinds.push("number", "number");
  if (says(`Object\\.(keys|values|entries)\\(${n}\\b|\\bin\\s+${n}\\b`)) kinds.push("record", "record");
  if (says(`\\b${n}\\(`)) kinds.push("call", "call", "call");
  const fields = [...body.matchAll(new RegExp(`\\b${n}\\.([A-Za-z_$][\\w$]*)(?!\\s*\\()`, "g"))].map((m) => m[1]).filter((f) => f !== "length");
  if (fields.length > 0) kinds.push({ fields: [...new Set(fields)] }, { fields: [...new Set(fields)] });
  if (kinds.length === 0) kinds.push(about(name), about(name), about(name), "any");
  return kinds;
}

/** Parameters out of the text of a function: names and initial values; null where they cannot be told. */
function parametersOf(source) {
  const head = source.replace(/^(async\s+)?(static\s+)?(async\s+)?(function\s*\*?\s*)?\*?/, "");
  const open = head.indexOf("(");
  const arrow = head.indexOf("=>");
  if (open < 0 || (arrow >= 0 && arrow < open)) return head.match(/^\s*([\w$]+)\s*=>/) ? [{ name: head.match(/^\s*([\w$]+)/)[1] }] : null;
  let [depth, at] = [0, open];
  const parts = [""];
  for (; at < head.length; at++) {
    const c = head[at];
    if ("([{".includes(c) && depth++ === 0) continue;
    if (")]}".includes(c) && --depth === 0) break;
    if (c === "," && depth === 1) parts.push("");
    else parts[parts.length - 1] += c;
  }
  const found = [];
  for (const part of parts.map((p) => p.replace(/\/\*.*?\*\//gs, "").trim()).filter(Boolean)) {
    if (part.startsWith("...")) {
      found.push({ name: part.slice(3).trim(), rest: true });
      break;
    }
    const eq = part.indexOf("=");
    const name = (eq < 0 ? part : part.slice(0, eq)).trim();
    if (!/^[\w$]+$/.test(name)) found.push({ name: "", shape: name });
    else found.push({ name, initial: eq < 0 ? undefined : part.slice(eq + 1).trim() });
  }
  return found;
}

const word = () => {
  const text = Array.from({ length: 1 + below(6) }, () => pick([..."abcdeiorstxyz"])).join("");
  return random() < 0.7 ? text : pick([text.toUpperCase(), text[0].toUpperCase() + text.slice(1)]);
};
const makers = {
  number: () => {
    const roll = random();
    if (roll < 0.5) return below(13);
    if (roll < 0.62) return -1 - below(12);
    if (roll < 0.8 && state.pool.numbers.length > 0) return pick(state.pool.numbers) + pick([-1, 0, 0, 1]);
    if (roll < 0.9) return below(121);
    return Math.round((random() * 60 - 10) * 4) / 4;
  },
  text: () => {
    const roll = random();
    if (roll < 0.08) return "";
    if (roll < 0.35 && state.pool.texts.length > 0) return varied(pick(state.pool.texts));
    if (roll < 0.5) return String(below(2000));
    if (roll < 0.75) return Array.from({ length: 1 + below(4) }, word).join(pick([" ", " ", ", ", "_", "-"]));
    if (roll < 0.85) return Array.from({ length: 1 + below(8) }, () => pick([..."aAbB01 ._-!?()[]"])).join("");
    return word();
  },
  truth: () => random() < 0.5,
  numbers: () => {
    const list = Array.from({ length: pick([0, 1, 1, 2, 2, 3, 3, 4, 5, 7]) }, makers.number);
    if (list.length > 1 && random() < 0.3) list[below(list.length)] = pick(list);
    return random() < 0.25 ? list.sort((a, b) => a - b) : list;
  },
  texts: () => Array.from({ length: pick([0, 1, 2, 2, 3, 4]) }, makers.text),
  record: () => Object.fromEntries(Array.from({ length: pick([0, 1, 2, 2, 3]) }, () => [word(), makers.number()])),
  any: () => pick([null, undefined, makers.truth(), makers.number(), makers.text(), makers.numbers(), makers.record()]),
  call: () => ({ source: pick(["(x) => x", "(a, b) => a - b", "(x) => x % 2 === 0", "(a, b) => a + b", "() => 0", "(x) => String(x)"]) }),
};
/** What a name is likely to be the name of. */
const about = (name) =>
  /name|title|text|label|id$|key|type|kind|status|email|url|path|word|str/i.test(name) ? "text"
    : /items|list|tags|children|values|rows|lines|entries|arr/i.test(name) ? "numbers"
      : /^(is|has)|active|enabled|done|flag/i.test(name) ? "truth" : "number";
const make = (kind) => {
  if (typeof kind === "string") return makers[kind]();
  const wanted = kind.fields.filter(() => random() < 0.95);
  return Object.fromEntries(wanted.map((f) => [f, make(random() < 0.9 ? about(f) : "any")]));
};

/** A value near this one. */
function varied(value) {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return pick([value + 1, value - 1, -value, 0, value * 2, Math.floor(value / 2), value + 0.5, value * 10]);
  if (typeof value === "string") {
    const at = below(value.length + 1);
    const letter = pick([...(value || "ab"), " ", "1", "A"]);
    return pick([
      value.slice(0, at) + letter + value.slice(at), value.slice(0, at) + value.slice(at + 1), value.slice(0, at), [...value].reverse().join(""),
      value.toUpperCase(), value + value, value + letter, value.split(" ").reverse().join(" "),
    ]);
  }
  if (Array.isArray(value)) {
    const items = [...value];
    const at = below(items.length);
    const roll = random();
    if (items.length === 0) return items;
    if (roll < 0.4) items[at] = varied(items[at]);
    else if (roll < 0.55) items.splice(at, 1);
    else if (roll < 0.7) items.push(pick(items));
    else if (roll < 0.8) items.reverse();
    else if (roll < 0.9) return items.slice(0, at);
    else items.push(varied(pick(items)));
    return items;
  }
  if (value !== null && typeof value === "object" && !("source" in value)) {
    const keys = Object.keys(value);
    if (keys.length === 0) return value;
    const key = pick(keys);
    const copy = { ...value };
    if (random() < 0.15) delete copy[key];
    else copy[key] = varied(copy[key]);
    return copy;
  }
  return value;
}

/** Values as source text; undefined where a text alone gives no equal value. */
function literal(value, depth = 0) {
  if (value === null || value === undefined || typeof value === "boolean") return String(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return value.length <= 600 ? JSON.stringify(value) : undefined;
  if (typeof value !== "object" || depth > 6) return undefined;
  if ("source" in value && Object.keys(value).length === 1) return value.source;
  if (Array.isArray(value)) {
    if (value.length > 60) return undefined;
    const parts = Array.from(value, (one) => literal(one, depth + 1));
    return parts.includes(undefined) ? undefined : `[${parts.join(", ")}]`;
  }
  const parts = Object.entries(value).map(([k, v]) => {
    const text = literal(v, depth + 1);
    return text === undefined ? undefined : `${/^[A-Za-z_$][\w$]*$/.test(k) && k !== "__proto__" ? k : JSON.stringify(k)}: ${text}`;
  });
  return parts.includes(undefined) || parts.length > 60 ? undefined : parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
}

/** Calls with plain arguments in tests: name -> lists of arguments. */
function seedsOf(texts) {
  const seeds = {};
  for (const text of texts) {
    for (const found of text.matchAll(/([A-Za-z_$][\w$]*)\s*\(/g)) {
      const [name, from] = [found[1], found.index + found[0].length];
      let [depth, at] = [1, from];
      for (; at < text.length && at < from + 400 && depth > 0; at++) depth += { "(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1 }[text[at]] ?? 0;
      const inside = text.slice(from, at - 1);
      if (depth > 0 || /=>|\bfunction\b|\bnew\b|\brequire\b|\bimport\b|\bawait\b/.test(inside)) continue;
      try {
        const list = vm.runInNewContext(`JSON.stringify([${inside}])`, {}, { timeout: 20 });
        const own = (seeds[name] ??= []);
        if (own.length < 60 && !own.includes(list)) own.push(list);
      } catch {}
    }
  }
  return Object.fromEntries(Object.entries(seeds).map(([name, lists]) => [name, lists.map((list) => JSON.parse(list))]));
}

function isEsm(file) {
  if (file.endsWith(".mjs")) return true;
  if (file.endsWith(".cjs")) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")).type === "module";
    } catch {}
    if (folder === path.dirname(folder)) return false;
  }
}

async function open(request) {
  Object.assign(state, { root: request.root, file: path.join(request.root, request.file), text: request.text });
  state.esm = isEsm(state.file);
  state.seeds = seedsOf(request.tests);
  state.shown = request.file;
  const flat = (value) => (value !== null && typeof value === "object" ? Object.values(value).flatMap(flat) : [value]);
  const all = Object.values(state.seeds).flat().flatMap(flat);
  const own = [...request.text.matchAll(/(["'`])((?:(?!\1)[^\\\n]){1,40})\1/g)].map((m) => m[2]).filter((t) => !/^(use strict|\.?\.?\/|node:)/.test(t));
  const numbers = [...request.text.matchAll(/(?<![\w.$"'])\d+(\.\d+)?\b/g)].map((m) => Number(m[0])).filter((n) => n < 1e6);
  state.pool = {
    numbers: [...new Set([...numbers, ...all.filter((v) => typeof v === "number")])].slice(0, 60),
    texts: [...new Set([...own, ...all.filter((v) => typeof v === "string")])].slice(0, 60),
  };
  return { opened: true };
}

// ---------------------------------------------------------------- commands

function inputsFor(target, count) {
  const made = new Map();
  const add = (args) => {
    const texts = args.map((value) => literal(value));
    if (!texts.includes(undefined) && texts.join().length < 500) made.set(texts.join(), texts);
  };
  const seeds = state.seeds[target.name.split(".").pop()] ?? [];
  const parameters = target.parameters ?? [];
  if (seed % 2 === 1) seeds.forEach(add);
  for (let n = 0; n < count * 3 && made.size < count; n++) {
    if (seeds.length > 0 && random() < 0.45) {
      const args = structuredClone(pick(seeds));
      const at = below(args.length);
      if (args.length > 0) args[at] = varied(args[at]);
      add(args);
      continue;
    }
    const args = [];
    for (const one of parameters) {
      if (one.rest) args.push(...makers.numbers());
      else if (one.initial !== undefined && random() < 0.35) break;
      else args.push(make(random() < 0.93 ? pick(one.kinds) : "any"));
    }
    add(args);
    if (parameters.length === 0) break;
  }
  return [...made.values()];
}

async function explore(request) {
  seed = request.seed * 7919 + 1;
  const until = Date.now() + Math.min(request.wall, 60) * 1000;
  const helper = new Helper();
  const told = await helper.ask({ cmd: "look", text: state.text }, 20);
  const shape = told.said.find((one) => one.targets);
  if (!shape) {
    helper.end();
    const why = told.said.find((one) => one.broken)?.broken ?? (told.how === "late" ? "it does not end loading" : "it cannot be loaded");
    return { cases: [], lines: {}, left_out: [{ name: state.shown, why }], unstable: 0 };
  }
  const [cases, lines, leftOut] = [[], {}, []];
  let unstable = 0;
  for (const target of shape.targets) {
    if (request.targets && !request.targets.includes(target.name)) continue;
    if (Date.now() > until) {
      leftOut.push({ name: target.name, why: "the time was up" });
      continue;
    }
    target.parameters = (parametersOf(target.source) ?? []).map((p) => {
      if (p.shape) return { ...p, kinds: [{ fields: [...p.shape.matchAll(/[A-Za-z_$][\w$]*/g)].map((m) => m[0]) }] };
      return { ...p, kinds: kindsOf(p.name, p.initial, target.source, docsOf(target)) };
    });
    for (const method of target.methods ?? []) {
      method.parameters = (parametersOf(method.source) ?? []).map((p) => ({ ...p, kinds: kindsOf(p.name || "_", p.initial, method.source, "") }));
    }
    const wanted = target.methods ? objects(target, request.count) : inputsFor(target, request.count).map((args) => ({ args }));
    const list = wanted.map((one) => ({ ...one, target: target.name, source: target.source }));
    const found = [];
    for (let round = 0; round < 2; round++) {
      const question = { cmd: "run", text: state.text, cases: list, seconds: 0.25, cover: round === 0 };
      // the second time in another thread: what is the same by chance is not the same there
      const own = round === 0 ? helper : new Helper();
      found.push(await own.ask(question, 30));
      if (round === 1) own.end();
    }
    const byIndex = found.map((one) => new Map(one.said.filter((s) => "at" in s).map((s) => [s.at, s])));
    lines[target.name] = found[0].said.find((s) => s.lines)?.lines ?? [];
    let good = 0;
    list.forEach((one, at) => {
      const [first, second] = [byIndex[0].get(at), byIndex[1].get(at)];
      if (!first || !second || first.verdict !== "good") return;
      if (first.key !== second.key) {
        unstable += 1;
        return;
      }
      const id = state.next++;
      good += 1;
      // what is no number says little to a reader
      const odd = first.key.includes("NaN") ? 400 : 0;
      const size = JSON.stringify([one.args, one.steps ?? []]).length + first.key.length + odd;
      state.cases.set(id, { id, ...one, key: first.key, seen: first.seen });
      cases.push({ id, target: target.name, size });
    });
    if (good === 0) leftOut.push({ name: target.name, why: "no call gave something that a test could hold it to" });
  }
  helper.end();
  return { cases, lines, left_out: leftOut, unstable };
}

const docsOf = (target) => {
  const at = state.text.indexOf(target.source.slice(0, 60));
  const before = at < 0 ? "" : state.text.slice(0, at);
  const open = before.lastIndexOf("/**");
  return open >= 0 && !/\n\s*\n/.test(before.slice(before.lastIndexOf("*/"))) ? before.slice(open) : "";
};

/** An object made and used: constructor arguments and some calls. */
function objects(target, count) {
  const made = inputsFor(target, Math.max(8, Math.floor(count / 6)));
  const list = [];
  const methods = target.methods.filter((m) => !m.name.startsWith("_"));
  for (let n = 0; n < count && made.length > 0; n++) {
    const steps = Array.from({ length: methods.length ? 1 + below(4) : 0 }, () => {
      const method = pick(methods);
      if (method.read) return { name: method.name, read: true };
      const inputs = inputsFor({ name: method.name, parameters: method.parameters }, 1);
      return { name: method.name, args: inputs[0] ?? [] };
    });
    list.push({ new: true, args: pick(made), steps });
  }
  return list;
}

async function kill(request) {
  const questions = request.mutants.map(({ id, text, cases }) => ({
    key: id,
    question: {
      cmd: "kill", text, seconds: 0.25,
      cases: cases.map((n) => state.cases.get(n)).filter(Boolean).map(({ id: n, target, args, steps, new: fresh, key }) => ({ id: n, target, args, steps, new: fresh, key })),
    },
  }));
  await spread(request.parallel, questions, Math.min(request.wall, 12), (id, { how, said }) => {
    const loaded = said.some((one) => one.loaded);
    const killed = said.filter((one) => "killed" in one).map((one) => one.killed);
    const begun = said.filter((one) => "begun" in one).at(-1)?.begun;
    if (loaded && how !== "whole" && begun !== undefined && !killed.includes(begun)) killed.push(begun);
    answer({ id, loaded, killed });
  });
  answer({ done: true });
}

/** The repository's own tests over a mutant, in a copy that this makes once for each thread of work. */
async function existing(request) {
  const waiting = [...request.mutants];
  const one = async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "mutants-"));
    for (const name of fs.readdirSync(state.root)) {
      if (name === ".git") continue;
      const from = path.join(state.root, name);
      if (name === "node_modules") fs.symlinkSync(from, path.join(dir, name));
      else fs.cpSync(from, path.join(dir, name), { recursive: true, verbatimSymlinks: true });
    }
    const file = path.join(dir, path.relative(state.root, state.file));
    while (waiting.length > 0) {
      const { id, text } = waiting.shift();
      fs.writeFileSync(file, text);
      answer({ id, noticed: !(await passes(dir, request.select, request.wall)) });
    }
    fs.rmSync(dir, { recursive: true, force: true });
  };
  await Promise.all(Array.from({ length: Math.max(1, request.parallel) }, one));
  answer({ done: true });
}

const passes = (cwd, files, wall) =>
  new Promise((resolve) => {
    const env = { ...process.env };
    delete env.NODE_TEST_CONTEXT;
    const child = spawn(process.execPath, ["--test", "--test-reporter=tap", ...files], { cwd, env, stdio: ["ignore", "pipe", "ignore"], detached: true });
    let out = "";
    child.stdout.on("data", (data) => (out = (out + data).slice(-4000)));
    const timer = setTimeout(() => {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {}
    }, Math.min(wall, 15) * 1000);
    child.on("exit", (code) => {
      clearTimeout(timer);
      resolve(code === 0 && Number(out.match(/# pass (\d+)/)?.[1] ?? 0) > 0);
    });
    child.on("error", () => resolve(false));
  });

async function score(request) {
  const first = await new Helper().ask({ cmd: "suite", text: state.text, tests: request.text, cover: true }, 60);
  const lines = first.said.find((one) => one.lines) ?? { lines: [], of: 0 };
  answer({
    passed: first.said.filter((one) => one.passed).map((one) => one.passed), failed: first.said.filter((one) => one.failed),
    lines: lines.lines.length, of: lines.of,
  });
  const questions = request.mutants.map(({ id, text }) => ({ key: id, question: { cmd: "suite", text, tests: request.text, stop: true } }));
  await spread(request.parallel, questions, Math.min(request.wall, 12), (id, { how, said }) => {
    const loaded = said.some((one) => one.loaded);
    answer({ id, loaded, killed: said.some((one) => one.failed) || (loaded && how !== "whole") });
  });
  answer({ done: true });
}

// ---------------------------------------------------------------- writing tests

const NOTE = (file) => `// Characterisation tests for ${file}: what it did when they were written, mistakes included.
//
// A program wrote these, by calling the code with generated inputs. A test that fails says that behaviour
// has changed, not that it is wrong now: where the change is meant, bring the test up to date or delete it.
`;

function holds(actual, [kind, text]) {
  if (kind === "near") return `assert.ok(Math.abs(${actual} - ${text}) <= 1e-9 * Math.max(1, Math.abs(${text})));`;
  if (kind === "items") return `assert.deepStrictEqual([...${actual}], ${text});`;
  const plain = !/^[[{n]/.test(text) || text === "null" || text === "NaN";
  return `assert.${plain ? "strictEqual" : "deepStrictEqual"}(${actual}, ${text});`;
}

const catching = (call, { name, own }, waits) =>
  `${waits ? "await assert.rejects(async () => " : "assert.throws(() => "}${call}, ${own ? name : `{ name: ${JSON.stringify(name)} }`});`;

/** The lines of one test. */
function body(one, callee) {
  const lines = [];
  let waits = false;
  const step = (call, seen) => {
    waits ||= seen.waits;
    const actual = seen.waits ? `(await ${call})` : call;
    if (seen.raises) lines.push(catching(call, seen.raises, seen.waits));
    else if (seen.gives[0] === "other" || (one.new && seen.gives[1] === "undefined")) lines.push(`${seen.waits ? `await ${call}` : call};`);
    else lines.push(holds(actual, seen.gives));
  };
  if (one.new) {
    const name = callee.replace(/^[A-Z]/, (c) => c.toLowerCase()).replace(/\W/g, "_");
    const thing = name === callee ? `${name}1` : name;
    const made = `new ${callee}(${one.args.join(", ")})`;
    if (one.seen[0].raises) {
      lines.push(catching(made, one.seen[0].raises, false));
      return { lines, waits };
    }
    lines.push(`const ${thing} = ${made};`);
    one.steps.slice(0, one.seen.length - 1).forEach((s, at) => {
      step(s.read ? `${thing}.${s.name}` : `${thing}.${s.name}(${s.args.join(", ")})`, one.seen[at + 1]);
    });
    return { lines, waits };
  }
  const args = [...one.args];
  for (const [at, after] of one.seen[0].changed ?? []) {
    lines.push(`const argument${at + 1} = ${args[at]};`);
    args[at] = `argument${at + 1}`;
    step.after = [...(step.after ?? []), holds(args[at], ["literal", after])];
  }
  step(`${callee}(${args.join(", ")})`, one.seen[0]);
  lines.push(...(step.after ?? []));
  return { lines, waits };
}

function write(request) {
  const target = request.target;
  const from = path.relative(path.dirname(path.join(state.root, target)), state.file).split(path.sep).join("/");
  const place = from.startsWith(".") ? from : `./${from}`;
  const cases = request.cases.map((id) => state.cases.get(id)).sort((a, b) => a.id - b.id);
  const [counts, tests, blocks, names] = [{}, {}, [], new Set()];
  cases.filter((one) => one.target !== "default").forEach((one) => names.add(one.target));
  // what a file exports as a whole has a name of our own choosing
  const own = cases.find((one) => one.target === "default");
  const called = own?.source.match(/^(?:async\s+)?(?:function\s*\*?|class)\s+([A-Za-z_$][\w$]*)/)?.[1];
  const whole = own ? [called, nameOfFile(), `${nameOfFile()}Default`].find((name) => name && !names.has(name)) : null;
  for (const one of cases) {
    const callee = one.target === "default" ? whole : one.target;
    counts[one.target] = (counts[one.target] ?? 0) + 1;
    const name = `${callee} ${counts[one.target]}`;
    tests[name] = one.id;
    const { lines, waits } = body(one, callee);
    blocks.push(`test(${JSON.stringify(name)}, ${waits ? "async " : ""}() => {\n${lines.map((l) => `  ${l}\n`).join("")}});\n`);
  }
  const list = [...names].sort().join(", ");
  const imports = state.esm
    ? ['import test from "node:test";', 'import assert from "node:assert";', "",
       `import ${[whole ?? "", list ? `{ ${list} }` : ""].filter(Boolean).join(", ")} from ${JSON.stringify(place)};`]
    : ['const test = require("node:test");', 'const assert = require("node:assert");', "",
       ...(whole ? [`const ${whole} = require(${JSON.stringify(place)});`] : []), ...(list ? [`const { ${list} } = require(${JSON.stringify(place)});`] : [])];
  return { text: `${NOTE(state.shown)}${state.esm ? "" : '"use strict";\n'}${imports.join("\n")}\n\n${blocks.join("\n")}`, tests };
}

const nameOfFile = () => {
  const stem = path.basename(state.file).replace(/\.[cm]?js$/, "").replace(/[^\w$]+(\w)?/g, (_, c) => (c ?? "").toUpperCase());
  return /^[A-Za-z_$]/.test(stem) && !["test", "assert", "default", "delete", "new", "class", "function"].includes(stem) ? stem : "subject";
};

// ---------------------------------------------------------------- inside the thread

function inner() {
  const { parentPort } = require("node:worker_threads");
  const Module = require("node:module");
  const path = require("node:path");
  const url = require("node:url");
  const vm = require("node:vm");
  const say = (value) => parentPort.postMessage(value);

  let step = null;
  const runStep = new vm.Script("globalThis.__astraStep()");
  Object.defineProperty(globalThis, "__astraStep", { value: () => step() });
  const limited = (call, seconds) => {
    step = call;
    return runStep.runInThisContext({ timeout: Math.ceil(seconds * 1000) });
  };
  const late = (error) => error?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT" || error?.astraLate === true;
  const settled = async (value, seconds) => {
    let timer;
    const slow = new Promise((_, no) => (timer = setTimeout(() => no(Object.assign(new Error("late"), { astraLate: true })), seconds * 1000)));
    try {
      return await Promise.race([value, slow]);
    } finally {
      clearTimeout(timer);
    }
  };

  const script = (text, file, stand) => {
    const module = { exports: {}, filename: file, id: file, loaded: false, children: [], paths: [] };
    const real = Module.createRequire(file);
    const own = (name) => stand?.(name, real) ?? real(name);
    Object.assign(own, { resolve: real.resolve, cache: real.cache, main: undefined });
    const run = vm.compileFunction(text.replace(/^#!.*/, ""), ["exports", "require", "module", "__filename", "__dirname"], {
      filename: file, importModuleDynamically: (name) => import(name.startsWith(".") ? url.pathToFileURL(path.resolve(path.dirname(file), name)).href : name),
    });
    limited(() => run.call(module.exports, module.exports, own, module, file, path.dirname(file)), 5);
    return module.exports;
  };
  const module = async (text, file, stand) => {
    const made = new vm.SourceTextModule(text.replace(/^#!.*/, ""), {
      identifier: file, initializeImportMeta: (meta) => Object.assign(meta, { url: url.pathToFileURL(file).href, filename: file, dirname: path.dirname(file) }),
      importModuleDynamically: (name) => import(name.startsWith(".") ? url.pathToFileURL(path.resolve(path.dirname(file), name)).href : name),
    });
    await made.link(async (name) => {
      const other = (await stand?.(name)) ?? (await import(name.startsWith(".") ? url.pathToFileURL(path.resolve(path.dirname(file), name)).href : Module.isBuiltin(name) ? name : url.pathToFileURL(Module.createRequire(file).resolve(name)).href));
      const names = Object.keys(other);
      const synthetic = new vm.SyntheticModule(names, function () {
        for (const one of names) this.setExport(one, other[one]);
      });
      return synthetic;
    });
    await made.evaluate({ timeout: 5000 });
    return made.namespace;
  };
  /** What the file exports, by name; `default` is what a script exports as a whole. */
  const load = async ({ file, esm, text }) => {
    const exports = esm ? await module(text, file) : script(text, file);
    return typeof exports === "function" ? Object.assign(Object.create(null), { default: exports }, exports) : exports;
  };
  const find = (exports, name) => name.split(".").reduce((at, part) => at?.[part], exports);

  const isClass = (value) => typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
  const look = async (question) => {
    const exports = await load(question);
    const targets = [];
    for (const name of Object.keys(exports ?? {})) {
      const value = exports[name];
      if (typeof value !== "function" || (name !== "default" && value === exports.default)) continue;
      const source = Function.prototype.toString.call(value);
      if (source.includes("[native code]")) continue;
      if (!isClass(value)) {
        targets.push({ name, source });
        continue;
      }
      const methods = [];
      for (let proto = value.prototype; proto && proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) {
        for (const [own, { value: call, get }] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
          if (own === "constructor" || methods.some((m) => m.name === own) || !/^[A-Za-z_$][\w$]*$/.test(own)) continue;
          if (get) methods.push({ name: own, read: true, source: "()" });
          else if (typeof call === "function") methods.push({ name: own, source: Function.prototype.toString.call(call) });
        }
      }
      targets.push({ name, source: source.match(/\bconstructor\s*\([^]*?\{[^]*?\n?\s*\}/)?.[0] ?? "constructor()", methods });
    }
    say({ targets });
  };

  // -------------------------------------------------------------- seeing what came out

  const literal = (value, depth = 0) => {
    if (value === null || value === undefined || typeof value === "boolean") return String(value);
    if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "string") return value.length <= 600 ? JSON.stringify(value) : undefined;
    if (typeof value !== "object" || depth > 6) return undefined;
    const all = (list) => (list.length > 60 || list.includes(undefined) ? undefined : list.join(", "));
    if (Array.isArray(value)) {
      if (Object.keys(value).length !== value.length) return undefined;
      const parts = all(value.map((one) => literal(one, depth + 1)));
      return parts === undefined ? undefined : `[${parts}]`;
    }
    if (value instanceof Set || value instanceof Map) {
      const parts = all([...value].map((one) => literal(one, depth + 1)));
      return parts === undefined ? undefined : `new ${value instanceof Set ? "Set" : "Map"}([${parts}])`;
    }
    const proto = Object.getPrototypeOf(value);
    if (proto !== Object.prototype && proto?.constructor?.name !== "Object") return undefined;
    if (Object.getOwnPropertySymbols(value).length > 0) return undefined;
    const parts = all(Object.entries(value).map(([k, v]) => {
      const text = literal(v, depth + 1);
      return text === undefined || k === "__proto__" ? undefined : `${/^[A-Za-z_$][\w$]*$/.test(k) ? k : JSON.stringify(k)}: ${text}`;
    }));
    return parts === undefined ? undefined : parts === "" ? "{}" : `{ ${parts} }`;
  };
  const gives = (value) => {
    if (typeof value === "number" && Number.isFinite(value) && !Number.isInteger(value)) return ["near", String(value)];
    const text = literal(value);
    if (text !== undefined) return ["literal", text];
    if (value !== null && typeof value === "object" && typeof value.next === "function" && typeof value[Symbol.iterator] === "function") {
      const taken = [];
      for (const one of value) {
        if (taken.push(one) > 60) return ["other", "iterator"];
      }
      const items = literal(taken);
      if (items !== undefined) return ["items", items];
    }
    return ["other", typeof value === "function" ? "function" : (value?.constructor?.name ?? "object")];
  };
  const BUILTIN = new Set(["Error", "RangeError", "TypeError", "SyntaxError", "ReferenceError", "EvalError", "URIError"]);
  const raises = (error) => {
    const name = error instanceof Error || typeof error?.name === "string" ? String(error.name) : null;
    return name === null ? null : { name, own: BUILTIN.has(name) && error?.constructor?.name === name };
  };
  const attempt = async (call, seconds, source) => {
    const said = { waits: false };
    try {
      let value = limited(call, seconds);
      if (value !== null && typeof value === "object" && typeof value.then === "function") {
        said.waits = true;
        value = await settled(value, seconds);
      }
      said.gives = limited(() => gives(value), 1);
    } catch (error) {
      if (late(error) || error instanceof RangeError && /call stack/i.test(error.message)) return { verdict: "slow" };
      const what = raises(error);
      const meant = what && (!["TypeError", "ReferenceError", "SyntaxError"].includes(what.name) || source?.includes(`new ${what.name}`));
      if (!meant) return { verdict: "ill", name: what?.name };
      said.raises = what;
    }
    return { verdict: "good", seen: said };
  };
  const key = (seen) => JSON.stringify(seen.map(({ gives: g, raises: r, changed, waits }) => [g && g[0] === "near" ? Number(g[1]).toPrecision(10) : g, r?.name, changed, waits]));

  /** Carries a case out: {verdict, seen, key}. */
  const carry = async (exports, one, seconds, file) => {
    const callee = find(exports, one.target);
    if (typeof callee !== "function") return { verdict: "ill", seen: [], key: "gone" };
    let args;
    try {
      args = one.args.map((text) => vm.runInThisContext(`(${text})`));
    } catch {
      return { verdict: "ill", seen: [], key: "ill" };
    }
    const ended = ({ verdict, name }) => ({ verdict, seen: [], key: `${verdict} ${name ?? ""}` });
    if (!one.new) {
      const before = args.map((value) => literal(value));
      const told = await attempt(() => callee(...args), seconds, one.source);
      if (told.verdict !== "good") return ended(told);
      const changed = args.map((value, at) => [at, literal(value)]).filter(([at, after]) => before[at] !== undefined && after !== undefined && after !== before[at]);
      if (changed.length > 0) told.seen.changed = changed;
      return { verdict: "good", seen: [told.seen], key: key([told.seen]) };
    }
    let thing;
    const made = await attempt(() => {
      thing = new callee(...args);
    }, seconds, one.source);
    if (made.verdict !== "good") return ended(made);
    const seen = [made.seen];
    for (const { name, args: texts, read } of made.seen.raises ? [] : one.steps) {
      const told = await attempt(() => (read ? thing[name] : thing[name](...texts.map((text) => vm.runInThisContext(`(${text})`)))), seconds, file);
      if (told.verdict !== "good") return seen.length > 1 && told.verdict === "ill" ? { verdict: "good", seen, key: key(seen) + told.name } : ended(told);
      seen.push(told.seen);
      if (told.seen.raises) break;
    }
    return { verdict: "good", seen, key: key(seen) };
  };

  // -------------------------------------------------------------- lines

  const session = () => {
    const own = new (require("node:inspector").Session)();
    own.connect();
    const post = (method, params) => {
      let found;
      own.post(method, params, (_, value) => (found = value));
      return found;
    };
    post("Profiler.enable");
    post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    return {
      lines: (file, text) => {
        const is = ({ url: at }) => at === file || at === url.pathToFileURL(file).href;
        const ran = new Uint8Array(text.length + 1);
        for (const { functions } of (post("Profiler.takePreciseCoverage")?.result ?? []).filter(is)) {
          for (const { ranges } of functions) {
            for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, Math.min(endOffset, text.length));
          }
        }
        const [lines, code] = [[], []];
        let at = 0;
        text.split("\n").forEach((line, n) => {
          const bare = line.trim();
          if (bare !== "" && !/^(\/\/|\*|\/\*|[{}()\];,]+$)/.test(bare)) {
            code.push(n + 1);
            const from = at + line.indexOf(bare[0]);
            if (ran.subarray(from, at + line.length).some((one) => one === 1)) lines.push(n + 1);
          }
          at += line.length + 1;
        });
        return { lines, of: code.length };
      },
      end: () => own.disconnect(),
    };
  };

  // -------------------------------------------------------------- questions

  const run = async (question) => {
    const cover = question.cover ? session() : null;
    const exports = await load(question);
    if (cover) cover.lines(question.file, question.text);
    let slow = 0;
    for (const [at, one] of question.cases.entries()) {
      const { verdict, seen, key: said } = await carry(exports, one, question.seconds, question.text);
      slow += verdict === "slow" ? 1 : 0;
      say({ at, verdict, seen, key: said });
      if (slow > 6) break;
    }
    if (cover) {
      say(cover.lines(question.file, question.text));
      cover.end();
    }
  };
  const kill = async (question) => {
    let exports;
    try {
      exports = await load(question);
    } catch {
      return;
    }
    say({ loaded: true });
    let [killed, slow] = [0, 0];
    for (const one of question.cases) {
      say({ begun: one.id });
      const told = await carry(exports, one, question.seconds, question.text);
      if (told.verdict === "good" && told.key === one.key) continue;
      say({ killed: one.id });
      slow += told.verdict === "slow" ? 1 : 0;
      // so many are enough to choose from
      if (++killed >= 80 || slow >= 2) return;
    }
  };
  /** A test file as it stands, over a text of the file under test. */
  const suite = async (question) => {
    const cover = question.cover ? session() : null;
    let exports;
    try {
      exports = question.esm ? await module(question.text, question.file) : script(question.text, question.file);
    } catch {
      return;
    }
    say({ loaded: true });
    const tests = [];
    const test = (name, call) => tests.push([name, call]);
    const at = path.join(path.dirname(question.file), "__characterised.js");
    const stand = (name) => (name === "node:test" ? (question.esm ? { default: test } : test) : name.startsWith(".") ? exports : undefined);
    if (question.esm) await module(question.tests, at, stand);
    else script(question.tests, at, stand);
    for (const [name, call] of tests) {
      try {
        const value = limited(call, 1);
        if (value && typeof value.then === "function") await settled(value, 1);
        say({ passed: name });
      } catch (error) {
        say({ failed: name, why: String(error?.message).slice(0, 200) });
        if (question.stop) break;
      }
    }
    if (cover) {
      say(cover.lines(question.file, question.text));
      cover.end();
    }
  };

  const commands = { look, run, kill, suite };
  process.on("unhandledRejection", () => {});
  for (const name of ["log", "info", "warn", "error", "debug", "table", "dir"]) console[name] = () => {};
  parentPort.on("message", async (question) => {
    try {
      process.chdir?.(question.root);
    } catch {}
    try {
      await commands[question.cmd](question);
    } catch (error) {
      say({ broken: `${error?.name}: ${String(error?.message).slice(0, 300)}` });
    }
    say({ whole: true });
  });
}
const INNER = `(${inner})()`;

// ---------------------------------------------------------------- main

async function main() {
  answer({ ready: true, node: process.version });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (!line.trim()) continue;
    try {
      const request = JSON.parse(line);
      if (request.cmd === "open") answer(await open(request));
      else if (request.cmd === "explore") answer(await explore(request));
      else if (request.cmd === "write") answer(write(request));
      else if (request.cmd === "kill") await kill(request);
      else if (request.cmd === "existing") await existing(request);
      else if (request.cmd === "score") await score(request);
      else answer({ error: `unknown command ${request.cmd}`, done: true });
    } catch (error) {
      answer({ error: String(error?.stack ?? error).slice(0, 2000), done: true });
    }
  }
  process.exit(0);
}
main();
