// Runs a repository's node:test files against edited sources, in threads that can be ended.
//
// Requests come as JSON lines on standard input, answers go as JSON lines to standard output. Nothing is written: the
// repository's own modules are read by a loader of this program, which serves an edited file from memory, and every
// candidate gets fresh instances of them; packages of others are shared. `node:test` is a small stand-in, so what passes
// here is confirmed by the real runner afterwards. The main thread only watches: a thread that does not answer in time
// is ended, and a new one goes on.
//
//     {"cmd": "baseline", ...}  one run of all tests: outcomes, lines, arguments
//     {"cmd": "try", ...}       one answer for each candidate, then {"done": true}
//     {"cmd": "compare", ...}   runs several patches on generated inputs
"use strict";
const threads = require("node:worker_threads");
const readline = require("node:readline");

const cpuUsed = () => {
  const used = process.cpuUsage();
  return Math.round((used.user + used.system) / 1000) / 1000;
};
const answer = (value) => {
  value.cpu = cpuUsed();
  process.stdout.write(JSON.stringify(value) + "\n");
};

// ---------------------------------------------------------------- the thread that works

/** A thread and the one question it has been asked. */
class Helper {
  constructor() {
    this.thread = null;
  }

  start() {
    this.thread = new threads.Worker(INNER, {
      eval: true,
      stdout: true,
      stderr: true,
      stdin: false,
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    });
    this.thread.stdout.resume();
    this.thread.stderr.resume();
    this.thread.on("error", () => {});
  }

  /** The thread's answer; `{late: true}` or `{died: true}` where it has none. */
  ask(question, wall) {
    if (!this.thread) this.start();
    const thread = this.thread;
    return new Promise((resolve) => {
      let timer = null;
      const end = (value) => {
        clearTimeout(timer);
        thread.removeAllListeners("message");
        thread.removeAllListeners("exit");
        resolve(value);
      };
      thread.once("message", end);
      thread.once("exit", () => {
        this.thread = null;
        end({ died: true });
      });
      timer = setTimeout(async () => {
        this.thread = null;
        end({ late: true });
        await thread.terminate();
      }, wall * 1000);
      thread.postMessage(question);
    });
  }
}

const helper = new Helper();
let setup = null;
let calls = [];
let tried = 0;

async function baseline(request) {
  setup = { root: request.root, files: request.test_files, editable: request.editable };
  const told = await helper.ask({ cmd: "baseline", ...setup, wall: request.test_cpu ?? 5 }, request.wall ?? 60);
  if (!told.tests) {
    helper.thread = null;
    return { error: told.late ? "the tests do not end" : told.error ?? "the tests end the process" };
  }
  calls = told.calls;
  // loading for coverage leaves traces; candidates begin in a thread of their own
  await helper.thread.terminate();
  helper.thread = null;
  return { tests: told.tests, light: told.tests.length };
}

async function tryAll(request) {
  const until = request.left == null ? Infinity : cpuUsed() + request.left;
  for (const candidate of request.candidates) {
    if (cpuUsed() >= until) break;
    // what a candidate does to the globals does not reach far
    if (++tried % 250 === 0 && helper.thread) {
      await helper.thread.terminate();
      helper.thread = null;
    }
    const question = {
      cmd: "judge", ...setup, texts: { [candidate.file]: candidate.text },
      failing: request.failing, passing: request.passing, wall: request.cpu,
    };
    const told = await helper.ask(question, request.cpu * 3 + 2);
    if (told.late) answer({ id: candidate.id, kind: "timeout" });
    else if (told.died) answer({ id: candidate.id, kind: "fail", failed: [], fixed: 0 });
    else answer({ id: candidate.id, ...told });
  }
  answer({ done: true });
}

async function compare(request) {
  const until = request.left == null ? Infinity : cpuUsed() + request.left;
  const targets = calls.filter((call) => call.args.length > 0).slice(0, 6);
  if (targets.length === 0) return { kind: "unsupported", reason: "no call with plain arguments was seen" };
  let total = 0;
  let first = null;
  for (const target of targets) {
    const made = await helper.ask({ cmd: "generate", args: target.args, count: 150 }, 10);
    if (!made.inputs) continue;
    const found = [];
    for (const candidate of [...request.candidates, request.candidates[0]]) {
      if (cpuUsed() >= until) break;
      const question = { cmd: "behave", ...setup, texts: { [candidate.file]: candidate.text }, target, inputs: made.inputs };
      const told = await helper.ask(question, 15);
      found.push(told.results ?? null);
    }
    if (found.length <= request.candidates.length || found.some((one) => one === null)) continue;
    const again = found.pop();
    made.inputs.forEach((input, at) => {
      const results = found.map((one) => one[at]);
      // an answer that changes by itself, or that nobody gives, says nothing
      if (again[at] !== results[0] || results.every((one) => !one.startsWith("gives "))) return;
      total += 1;
      if (new Set(results).size > 1) {
        const text = `${target.name}(${input.shown})`;
        if (first === null || text.length < first.text.length) first = { text, results };
      }
    });
  }
  if (total === 0) return { kind: "unsupported", reason: "no generated input gave a result" };
  if (first === null) return { kind: "agree", inputs: total };
  const groups = new Map();
  first.results.forEach((result, at) => {
    if (!groups.has(result)) groups.set(result, []);
    groups.get(result).push(request.candidates[at].id);
  });
  return {
    kind: "disagree", input: first.text, inputs: total,
    groups: [...groups.values()],
    results: [...groups.keys()].map((result) => result.replace(/^gives /, "")),
  };
}

// ---------------------------------------------------------------- inside the thread

function inner() {
  const { parentPort } = require("node:worker_threads");
  const Module = require("node:module");
  const fs = require("node:fs");
  const path = require("node:path");
  const url = require("node:url");
  const util = require("node:util");
  const vm = require("node:vm");
  const nodeTest = require("node:test");

  class Unsupported extends Error {}
  let wallOfCall = 5000;
  let step = null;
  const runStep = new vm.Script("globalThis.__astraStep()");
  Object.defineProperty(globalThis, "__astraStep", { value: () => step(), configurable: true });
  const before = new Set(Reflect.ownKeys(globalThis));

  /** Calls a function; what does not return in time is ended. */
  const limited = (call) => {
    step = call;
    return runStep.runInThisContext({ timeout: wallOfCall, breakOnSigint: false });
  };

  /** The same, and what it promises must come in time, too. */
  const settled = async (call) => {
    const value = limited(call);
    if (value === null || typeof value !== "object" || typeof value.then !== "function") return value;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(Object.assign(new Error("late"), { code: "ERR_SCRIPT_EXECUTION_TIMEOUT" })), wallOfCall);
    });
    try {
      return await Promise.race([value, late]);
    } finally {
      clearTimeout(timer);
    }
  };

  /** Fresh instances of the repository's modules. */
  class World {
    constructor(root, texts, record) {
      this.root = root;
      this.texts = texts;
      this.record = record;
      this.modules = new Map();
      this.types = new Map();
      this.tests = new Suite(null, "");
    }

    own(file) {
      const inside = path.relative(this.root, file);
      return !inside.startsWith("..") && !inside.split(path.sep).includes("node_modules");
    }

    text(file) {
      return this.texts[path.relative(this.root, file).split(path.sep).join("/")] ?? fs.readFileSync(file, "utf8");
    }

    isEsm(file) {
      if (file.endsWith(".mjs")) return true;
      if (file.endsWith(".cjs")) return false;
      let folder = path.dirname(file);
      for (;;) {
        if (!this.types.has(folder)) {
          let type = null;
          try {
            type = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")).type ?? "commonjs";
          } catch {}
          this.types.set(folder, type);
        }
        const type = this.types.get(folder);
        if (type !== null) return type === "module";
        if (folder === path.dirname(folder)) return false;
        folder = path.dirname(folder);
      }
    }

    resolve(specifier, from) {
      if (specifier.startsWith("file:")) return url.fileURLToPath(specifier);
      return Module.createRequire(from).resolve(specifier);
    }

    stand() {
      return standIn(this.tests);
    }

    /** What `require` gives. */
    require(specifier, from) {
      if (specifier === "node:test" || specifier === "test") return this.stand();
      if (Module.isBuiltin(specifier)) return require(specifier);
      const file = this.resolve(specifier, from);
      if (!this.own(file) || file.endsWith(".node")) return Module.createRequire(from)(file);
      if (this.isEsm(file)) throw new Unsupported("a module is required as a script");
      return this.seen(file, this.script(file), from);
    }

    script(file) {
      const known = this.modules.get(file);
      if (known) return known.exports;
      const module = { exports: {}, filename: file, id: file, loaded: false, children: [], paths: [] };
      this.modules.set(file, module);
      const text = this.text(file);
      if (file.endsWith(".json")) {
        module.exports = JSON.parse(text);
        return module.exports;
      }
      const run = vm.compileFunction(text.replace(/^#!.*/, ""), ["exports", "require", "module", "__filename", "__dirname"], {
        filename: file,
        importModuleDynamically: (specifier) => this.imported(specifier, file),
      });
      const own = (specifier) => this.require(specifier, file);
      own.resolve = (specifier) => this.resolve(specifier, file);
      own.cache = {};
      own.main = undefined;
      run.call(module.exports, module.exports, own, module, file, path.dirname(file));
      module.loaded = true;
      return module.exports;
    }

    /** Exports as a test sees them: what it calls is written down. */
    seen(file, exports, from) {
      if (!this.record || !this.record.watches(file, from)) return exports;
      if (typeof exports === "function") return this.record.wrap(file, "default", exports);
      if (exports === null || typeof exports !== "object" || Object.getPrototypeOf(exports) !== Object.prototype) return exports;
      const copy = Object.create(Object.prototype, Object.getOwnPropertyDescriptors(exports));
      for (const [name, value] of Object.entries(exports)) {
        const plain = Object.getOwnPropertyDescriptor(copy, name);
        if (typeof value === "function" && plain.configurable && plain.enumerable) {
          Object.defineProperty(copy, name, { enumerable: true, configurable: true, writable: true, value: this.record.wrap(file, name, value) });
        }
      }
      return copy;
    }

    synthetic(values, identifier) {
      const names = Object.keys(values);
      return new vm.SyntheticModule(names, function () {
        for (const name of names) this.setExport(name, values[name]);
      }, { identifier });
    }

    async module(specifier, from) {
      if (specifier === "node:test" || specifier === "test") {
        const stand = this.stand();
        return this.synthetic({ ...stand, default: stand }, "node:test");
      }
      if (Module.isBuiltin(specifier)) {
        const real = require(specifier);
        const named = typeof real === "function" || typeof real === "object" ? { ...real } : {};
        return this.synthetic({ ...named, default: real }, specifier);
      }
      const file = this.resolve(specifier, from);
      if (!this.own(file)) return this.synthetic({ ...(await import(url.pathToFileURL(file).href)) }, file);
      if (!this.isEsm(file) || file.endsWith(".json")) {
        const exports = this.seen(file, this.script(file), from);
        const named = exports !== null && typeof exports === "object" ? { ...exports } : {};
        return this.synthetic({ ...named, default: exports }, file);
      }
      const real = this.source(file);
      if (!this.record || !this.record.watches(file, from)) return real;
      await this.ready(real);
      const values = {};
      for (const name of Object.keys(real.namespace)) {
        const value = real.namespace[name];
        values[name] = typeof value === "function" ? this.record.wrap(file, name, value) : value;
      }
      return this.synthetic(values, file);
    }

    source(file) {
      const known = this.modules.get(file);
      if (known) return known;
      const made = new vm.SourceTextModule(this.text(file).replace(/^#!.*/, ""), {
        identifier: file,
        initializeImportMeta: (meta) => {
          meta.url = url.pathToFileURL(file).href;
          meta.filename = file;
          meta.dirname = path.dirname(file);
        },
        importModuleDynamically: (specifier) => this.imported(specifier, file),
      });
      this.modules.set(file, made);
      return made;
    }

    async ready(module) {
      if (module.status === "unlinked") await module.link((specifier, from) => this.module(specifier, from.identifier));
      if (module.status === "linked") await module.evaluate({ timeout: wallOfCall });
      if (module.status === "errored") throw module.error;
      return module;
    }

    async imported(specifier, from) {
      return this.ready(await this.module(specifier, from));
    }

    /** Loads a file whatever kind it is. */
    async load(file) {
      if (!this.isEsm(file)) return limited(() => this.script(file));
      return (await this.ready(this.source(file))).namespace;
    }
  }

  /** A suite of the stand-in for node:test. */
  class Suite {
    constructor(above, name, options = {}) {
      Object.assign(this, { above, name, options, items: [], hooks: { before: [], after: [], beforeEach: [], afterEach: [] } });
    }

    get path() {
      return this.above ? [...this.above.path, this.name] : [];
    }
  }

  /** The functions that node:test has. */
  const standIn = (root) => {
    let at = root;
    const told = (name, options, call) => {
      if (typeof name === "function") [name, options, call] = [name.name || "<anonymous>", {}, name];
      else if (typeof name === "object") [name, options, call] = [options?.name || "<anonymous>", name, options];
      else if (typeof options === "function") [options, call] = [{}, options];
      return { name: String(name), options: options ?? {}, call };
    };
    const test = (...words) => {
      const own = told(...words);
      at.items.push({ ...own, above: at });
      return Promise.resolve();
    };
    const describe = (...words) => {
      const own = told(...words);
      const suite = new Suite(at, own.name, own.options);
      at.items.push(suite);
      at = suite;
      try {
        const made = own.call?.(suite);
        if (made && typeof made.then === "function") throw new Unsupported("a suite that is made asynchronously");
      } finally {
        at = suite.above;
      }
      return Promise.resolve();
    };
    for (const make of [test, describe]) {
      for (const word of ["skip", "todo"]) {
        make[word] = (...words) => {
          const own = told(...words);
          return make(own.name, { ...own.options, [word]: true }, own.call ?? (() => {}));
        };
      }
      make.only = make;
    }
    const hook = (kind) => (call) => {
      at.hooks[kind].push(call);
    };
    const all = {
      test, it: test, describe, suite: describe, mock: nodeTest.mock,
      before: hook("before"), after: hook("after"), beforeEach: hook("beforeEach"), afterEach: hook("afterEach"),
    };
    return Object.assign((...words) => test(...words), test, all, { default: all });
  };

  /** Runs a file's tests; `wanted` is a set of names or null; false ends the run. */
  const runFile = async (world, file, wanted, each) => {
    const name = path.relative(world.root, file).split(path.sep).join("/");
    world.tests = new Suite(null, "");
    await world.load(file);
    const any = (suite) => suite.items.some((item) =>
      item instanceof Suite ? any(item) : wanted === null || wanted.has(idOf(item)));
    const idOf = (item) => `${name} > ${[...item.above.path, item.name].join(" > ")}`;
    const around = (suite, kind) => {
      const all = suite.above ? around(suite.above, kind) : [];
      return kind === "beforeEach" ? [...all, ...suite.hooks[kind]] : [...suite.hooks[kind], ...all];
    };
    const one = async (item) => {
      const id = idOf(item);
      // a test with parts of its own is known by them
      if (wanted !== null && !wanted.has(id) && ![...wanted].some((other) => other.startsWith(`${id} > `))) return true;
      if (item.options.skip || item.options.todo) return each(id, "skipped", "", false);
      let outcome = "passed";
      let said = "";
      let late = false;
      const context = {
        name: item.name, diagnostic: () => {}, signal: new AbortController().signal, mock: nodeTest.mock,
        skip: () => { outcome = "skipped"; }, todo: () => { outcome = "skipped"; },
        before: (call) => call(), after: () => {},
        test: async (...words) => {
          const [sub, call] = [words[0], words[words.length - 1]];
          const part = `${id} > ${sub}`;
          let well = "passed";
          let why = "";
          try {
            await settled(() => call(context));
          } catch (error) {
            [well, why, outcome] = ["failed", stackOf(error), "failed"];
          }
          each(part, well, why, false);
        },
      };
      try {
        for (const call of around(item.above, "beforeEach")) await settled(() => call(context));
        const wantsDone = item.call && item.call.length > 1;
        if (wantsDone) throw new Unsupported("a test that is called back");
        if (item.call) await settled(() => item.call(context));
        for (const call of around(item.above, "afterEach")) await settled(() => call(context));
      } catch (error) {
        if (error instanceof Unsupported) throw error;
        late = error?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
        outcome = "failed";
        said = stackOf(error);
      }
      return each(id, outcome, said, late);
    };
    const walk = async (suite) => {
      if (suite.options.skip || suite.options.todo || !any(suite)) return true;
      for (const call of suite.hooks.before) await settled(() => call({}));
      for (const item of suite.items) {
        const on = item instanceof Suite ? await walk(item) : await one(item);
        if (on === false) return false;
      }
      for (const call of suite.hooks.after) await settled(() => call({}));
      return true;
    };
    return walk(world.tests);
  };

  const stackOf = (error) => String(error?.stack ?? error).slice(0, 4000);

  const tidy = () => {
    for (const key of Reflect.ownKeys(globalThis)) if (!before.has(key)) delete globalThis[key];
  };

  // -------------------------------------------------------------- baseline

  const session = () => {
    const inspector = require("node:inspector");
    const own = new inspector.Session();
    own.connect();
    const post = (method, params) => {
      let value;
      own.post(method, params, (error, told) => { value = told; });
      return value;
    };
    post("Profiler.enable");
    post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    return { take: () => post("Profiler.takePreciseCoverage")?.result ?? [], end: () => own.disconnect() };
  };

  /** Lines with a character that ran. */
  const linesOf = (text, functions) => {
    const ran = new Uint8Array(text.length + 1);
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, Math.min(endOffset, text.length));
    }
    const lines = [];
    let line = 1;
    let here = false;
    for (let at = 0; at < text.length; at++) {
      if (text[at] === "\n") {
        if (here) lines.push(line);
        [line, here] = [line + 1, false];
      } else if (ran[at] && text[at] !== " " && text[at] !== "}" && text[at] !== "\t") here = true;
    }
    if (here) lines.push(line);
    return lines;
  };

  const record = (root, editable) => {
    const all = new Map();
    return {
      all,
      watches: (file, from) => {
        const inside = (f) => path.relative(root, f).split(path.sep).join("/");
        return editable.includes(inside(file)) && !editable.includes(inside(from));
      },
      wrap: (file, name, call) => {
        if (/^class\b/.test(Function.prototype.toString.call(call))) return call;
        const wrapped = function (...args) {
          const key = `${file} ${name}`;
          if (!all.has(key)) all.set(key, { file, name, args: [], seen: new Set() });
          const own = all.get(key);
          const text = own.args.length < 60 && !new.target ? plain(args) : null;
          if (text !== null && !own.seen.has(text)) {
            own.seen.add(text);
            own.args.push(JSON.parse(text));
          }
          return new.target ? Reflect.construct(call, args, new.target) : Reflect.apply(call, this, args);
        };
        Object.defineProperties(wrapped, { name: { value: call.name }, length: { value: call.length } });
        return Object.assign(wrapped, call);
      },
    };
  };

  /** Plain data as JSON, or null. */
  const plain = (value) => {
    const is = (v, depth) => {
      if (v === null || typeof v === "boolean" || typeof v === "string") return true;
      if (typeof v === "number") return Number.isFinite(v) && !Object.is(v, -0);
      if (depth > 5 || typeof v !== "object") return false;
      if (Array.isArray(v)) return v.length <= 100 && v.every((one) => is(one, depth + 1));
      return Object.getPrototypeOf(v) === Object.prototype && Object.values(v).every((one) => is(one, depth + 1));
    };
    if (!is(value, 0)) return null;
    const text = JSON.stringify(value);
    return text.length <= 4000 ? text : null;
  };

  const baselineHere = async ({ root, files, editable, wall }) => {
    wallOfCall = Math.ceil(wall * 1000);
    const notes = record(root, editable);
    const cover = session();
    const tests = [];
    for (const name of files) {
      const world = new World(root, {}, notes);
      const lines = (taken) => {
        const found = {};
        for (const script of taken) {
          let file = script.url;
          if (file.startsWith("file:")) file = url.fileURLToPath(file);
          const inside = path.relative(root, file).split(path.sep).join("/");
          if (editable.includes(inside)) {
            const own = linesOf(world.text(file), script.functions);
            found[inside] = [...new Set([...(found[inside] ?? []), ...own])];
          }
        }
        return found;
      };
      const own = [];
      cover.take();
      let loaded = null;
      let started = process.hrtime.bigint();
      try {
        await runFile(world, path.join(root, name), null, (id, outcome, said, slow) => {
          const message = slow ? `does not end in time\n${said}` : said;
          const seconds = Number(process.hrtime.bigint() - started) / 1e9;
          own.push({ id, outcome, message, seconds, lines: lines(cover.take()) });
          started = process.hrtime.bigint();
          return true;
        });
      } catch (error) {
        loaded = stackOf(error);
      }
      if (loaded === null) tests.push(...own);
      tidy();
    }
    cover.end();
    const calls = [...notes.all.values()].map(({ file, name, args }) => ({
      file: path.relative(root, file).split(path.sep).join("/"), name, args,
    }));
    return { tests, calls };
  };

  // -------------------------------------------------------------- candidates

  const judge = async ({ root, texts, failing, passing, wall }) => {
    wallOfCall = Math.ceil(wall * 1000);
    const failed = [];
    let [fixed, late] = [0, false];
    const run = async (ids, stopAtFirst) => {
      const left = new Set(ids);
      const byFile = new Map();
      for (const id of ids) {
        const file = id.split(" > ")[0];
        if (!byFile.has(file)) byFile.set(file, new Set());
        byFile.get(file).add(id);
      }
      const world = new World(root, texts, null);
      for (const [file, wanted] of byFile) {
        try {
          const on = await runFile(world, path.join(root, file), wanted, (id, outcome, _, slow) => {
            if (!left.has(id)) return true;
            late ||= slow;
            if (outcome === "passed") {
              left.delete(id);
              return true;
            }
            return !(stopAtFirst || slow);
          });
          if (on === false) break;
        } catch (error) {
          if (error?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") late = true;
          if (error instanceof SyntaxError) return { broken: String(error.message), left };
          break;
        }
      }
      return { left };
    };
    try {
      const first = await run(failing, false);
      if (first.broken) return { kind: "broken", message: first.broken };
      failed.push(...first.left);
      fixed = failing.length - first.left.size;
      if (failed.length === 0 && passing.length > 0) failed.push(...(await run(passing, true)).left);
    } finally {
      tidy();
    }
    if (late) return { kind: "timeout" };
    return failed.length === 0 ? { kind: "pass", fixed } : { kind: "fail", failed: failed.slice(0, 20), fixed };
  };

  // -------------------------------------------------------------- generated inputs

  let seed = 20;
  const random = () => {
    // mulberry32: small, and the same everywhere
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(random() * n);
  const pick = (list) => list[below(list.length)];

  /** Values of one kind inside of others. */
  const within = (values, fits) => {
    const found = [];
    const stack = [...values];
    while (stack.length > 0) {
      const value = stack.pop();
      if (fits(value)) found.push(value);
      if (value !== null && typeof value === "object") stack.push(...Object.values(value));
    }
    return found;
  };

  const changed = (value, seen, depth) => {
    if (typeof value === "boolean") return random() < 0.5;
    if (typeof value === "number") {
      const whole = Number.isInteger(value);
      const like = within(seen, (v) => typeof v === "number" && Number.isInteger(v) === whole);
      const [low, high] = [Math.min(...like), Math.max(...like)];
      const roll = random();
      if (roll < 0.3) return pick(like);
      if (!whole) return Number((low + random() * (high - low) * 1.1).toFixed(1 + below(3)));
      if (roll < 0.6) {
        const near = pick(like) + pick([-2, -1, 1, 2]);
        return low >= 0 ? Math.max(near, low) : near;
      }
      return low + below(high - low + 1 + Math.max(2, Math.floor(Math.min(high - low, 40) / 4)));
    }
    if (typeof value === "string") {
      const like = within(seen, (v) => typeof v === "string");
      const letters = like.join("");
      if (letters === "") return value;
      const roll = random();
      const at = below(value.length + 1);
      const letter = letters[below(letters.length)];
      if (roll < 0.25) return pick(like);
      if (roll < 0.45) return value.slice(0, at) + letter + value.slice(at + 1);
      if (roll < 0.6 && value.length > 1) return value.slice(0, at) + value.slice(at + 1);
      if (roll < 0.8) return value.slice(0, at) + letter + value.slice(at);
      return Array.from({ length: 1 + below(Math.max(...like.map((s) => s.length)) + 1) }, () => letters[below(letters.length)]).join("");
    }
    if (Array.isArray(value)) {
      const lists = within(seen, (v) => Array.isArray(v));
      const members = lists.flat();
      const rising = lists.every((list) => list.every((one, at) => at === 0 || list[at - 1] <= one)) && lists.some((list) => list.length > 2);
      const items = [...value];
      if (members.length === 0) return items;
      for (let round = 1 + below(3); round > 0; round--) {
        const roll = random();
        const at = below(items.length);
        if (items.length === 0 || roll < 0.2) items.splice(at, 0, pick(members));
        else if (roll < 0.55) items[at] = depth > 4 ? items[at] : changed(items[at], members, depth + 1);
        else if (roll < 0.7 && items.length > 1) items.splice(at, 1);
        else if (roll < 0.8) items.reverse();
        else if (roll < 0.9) items.push(items[at]);
        else items.splice(0, items.length, ...pick(lists));
      }
      if (items.length === 0 && depth < 2 && !lists.some((list) => list.length === 0)) return [...value];
      return rising ? items.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)) : items;
    }
    if (value !== null && typeof value === "object") {
      const copy = { ...value };
      const keys = Object.keys(copy);
      if (keys.length > 0 && depth < 5) {
        const key = pick(keys);
        copy[key] = changed(copy[key], seen.map((one) => one?.[key]).filter((one) => one !== undefined).concat([copy[key]]), depth + 1);
      }
      return copy;
    }
    return value;
  };

  const generate = ({ args, count }) => {
    seed = 20;
    const made = new Map();
    const add = (list) => made.set(JSON.stringify(list), list);
    args.forEach(add);
    for (let round = 0; round < count * 4 && made.size < count; round++) {
      const list = structuredClone(pick(args));
      list.forEach((value, at) => {
        if (list.length > 1 && random() < 0.4) return;
        const seen = args.map((other) => other[at]).filter((other) => typeof other === typeof value && Array.isArray(other) === Array.isArray(value));
        list[at] = changed(value, structuredClone(seen), 0);
      });
      add(list);
    }
    return {
      inputs: [...made.values()].map((list) => ({
        list, shown: list.map((value) => util.inspect(value, { depth: 6, breakLength: Infinity, maxArrayLength: 100 })).join(", "),
      })),
    };
  };

  const behave = async ({ root, texts, target, inputs }) => {
    wallOfCall = 5000;
    const world = new World(root, texts, null);
    const exports = await world.load(path.join(root, target.file));
    const call = target.name === "default" && typeof exports === "function" ? exports : exports[target.name];
    const results = [];
    wallOfCall = 250;
    let slow = 0;
    for (const { list } of inputs) {
      const args = structuredClone(list);
      let said;
      try {
        if (slow > 12) throw Object.assign(new Error("late"), { code: "ERR_SCRIPT_EXECUTION_TIMEOUT" });
        const value = await settled(() => call(...args));
        const shown = util.inspect(typeof value === "number" && Math.abs(value) < 1e15 ? Number(value.toPrecision(9)) : value,
          { depth: 6, sorted: true, breakLength: Infinity, maxArrayLength: 200, maxStringLength: 2000 });
        said = `gives ${shown}`;
        if (value === undefined) said = `gives undefined and leaves ${util.inspect(args, { depth: 6, breakLength: Infinity })}`;
      } catch (error) {
        const late = error?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
        slow += late ? 1 : 0;
        said = late ? "does not end in time" : `throws ${error?.name ?? typeof error}`;
      }
      results.push(said);
    }
    tidy();
    return { results };
  };

  const commands = { baseline: baselineHere, judge, generate, behave };
  process.on("unhandledRejection", () => {});
  parentPort.on("message", async (question) => {
    let told;
    try {
      told = await commands[question.cmd](question);
    } catch (error) {
      told = { error: stackOf(error), kind: "fail", failed: [], fixed: 0 };
    }
    parentPort.postMessage(told);
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
      if (request.cmd === "baseline") answer(await baseline(request));
      else if (request.cmd === "try") await tryAll(request);
      else if (request.cmd === "compare") answer(await compare(request));
      else answer({ error: `unknown command ${request.cmd}`, done: true });
    } catch (error) {
      answer({ error: String(error?.stack ?? error).slice(0, 2000), done: true });
    }
  }
  process.exit(0);
}
main();
