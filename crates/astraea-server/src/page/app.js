// @ts-check
// The page of `astra serve`: a conversation, and the task graph of a run as it grows.

const ICONS = { pending: "○", ready: "◔", running: "▶", succeeded: "✓", failed: "✗", aborted: "⊘", skipped: "–", cancelled: "■" };
const ENDS = { task_started: "running", task_succeeded: "succeeded", task_failed: "failed", task_retrying: "pending",
  task_skipped: "skipped", task_aborted: "aborted", task_cancelled: "cancelled" };

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (at(id));

/** @typedef {{id: string, action: string, state: string, after: string[], says: string}} Task */
/** @type {Map<string, {goal: string, tasks: Map<string, Task>}>} */
const runs = new Map();
let shown = "";
let since = 0;
/** @type {string | null} The conversation of this tab: it is still there when the page is loaded again. */
let conversation = sessionStorage.getItem("conversation");

/** @param {RequestInit} [options] */
function withToken(options = {}) {
  const token = input("token").value.trim();
  return token ? { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } } : options;
}

/** @param {string} text @param {string} kind */
function say(text, kind) {
  const item = document.createElement("li");
  item.className = kind;
  item.textContent = text;
  at("talk").append(item);
  item.scrollIntoView({ block: "end" });
  return item;
}

at("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const message = input("message").value.trim();
  if (!message) return;
  input("message").value = "";
  say(message, "you");
  const working = say("…", "working");
  try {
    const response = await fetch("/api/chat", withToken({
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify(conversation ? { message, conversation_id: conversation } : { message }),
    }));
    const body = await response.json();
    if (!response.ok) throw new Error(body.detail ?? response.statusText);
    conversation = body.conversation_id;
    sessionStorage.setItem("conversation", body.conversation_id);
    working.remove();
    say(body.response, "astra");
  } catch (error) {
    working.remove();
    say(error instanceof Error ? error.message : String(error), "bad");
  }
});

// Enter sends, Shift+Enter begins a line.
at("message").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    /** @type {HTMLFormElement} */ (at("ask")).requestSubmit();
  }
});

/** Shows what was said before the page was loaded again. */
async function remember() {
  if (!conversation) return;
  const response = await fetch(`/api/conversations/${encodeURIComponent(conversation)}`, withToken());
  if (response.status === 404) {
    conversation = null;
    sessionStorage.removeItem("conversation");
  }
  if (!response.ok) return;
  for (const turn of (await response.json()).turns) {
    say(turn.message, "you");
    say(turn.answer || `(${turn.state})`, turn.state === "answered" ? "astra" : "bad");
  }
}

/** @param {any} event */
function take(event) {
  if (!event.run) return;
  let run = runs.get(event.run);
  if (!run) {
    run = { goal: event.run, tasks: new Map() };
    runs.set(event.run, run);
    const option = new Option(event.run, event.run);
    at("runs").prepend(option);
    shown = event.run;
    /** @type {HTMLSelectElement} */ (at("runs")).value = shown;
  }
  if (event.type === "goal_started") {
    run.goal = event.goal_text;
    for (const option of /** @type {HTMLSelectElement} */ (at("runs")).options) {
      if (option.value === event.run) option.text = `${event.goal_text} (${event.run})`;
    }
  }
  if (event.type === "graph_started" || event.type === "planned") void load(event.run);
  const state = ENDS[/** @type {keyof typeof ENDS} */ (event.type)];
  if (state && event.task) {
    const key = `${event.graph}/${event.task}`;
    const task = run.tasks.get(key) ?? { id: event.task, action: event.action ?? "", state, after: [], says: "" };
    task.state = state;
    task.says = event.message ?? event.reason ?? (event.because ? `because of ${event.because}` : "");
    run.tasks.set(key, task);
  }
  if (event.run === shown) draw();
}

/** Reads the edges of a run's graph: events tell states, the graph tells what waits for what. @param {string} id */
async function load(id) {
  const response = await fetch(`/api/v1/taskgraphs/${encodeURIComponent(id)}`, withToken());
  const run = runs.get(id);
  if (!response.ok || !run) return;
  const graph = await response.json();
  for (const task of graph.tasks) {
    const key = `${graph.graph}/${task.id}`;
    const known = run.tasks.get(key);
    run.tasks.set(key, { id: task.id, action: task.action, state: known?.state ?? task.state,
      after: task.dependencies ?? [], says: known?.says ?? "" });
  }
  if (id === shown) draw();
}

/** @param {string} name @param {Record<string, string | number>} attributes @param {string} [text] */
function svg(name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  if (text) node.textContent = text;
  return node;
}

function draw() {
  const tasks = [...(runs.get(shown)?.tasks ?? new Map()).entries()];
  // A task's column is one more than the furthest of those it waits for: it stays where it is when states change.
  /** @type {Map<string, [number, number]>} */
  const places = new Map();
  /** @type {number[]} */
  const rows = [];
  for (const [key, task] of tasks) {
    const graph = key.slice(0, key.indexOf("/"));
    const column = Math.max(-1, ...task.after.map((/** @type {string} */ id) => places.get(`${graph}/${id}`)?.[0] ?? -1)) + 1;
    places.set(key, [column, rows[column] ?? 0]);
    rows[column] = (rows[column] ?? 0) + 1;
  }
  const picture = svg("svg", { width: Math.max(1, rows.length) * 190, height: Math.max(1, ...rows) * 56 + 8, "aria-hidden": "true" });
  for (const [key, task] of tasks) {
    const [x, y] = places.get(key) ?? [0, 0];
    for (const id of task.after) {
      const from = places.get(`${key.slice(0, key.indexOf("/"))}/${id}`);
      if (from) picture.append(svg("path", { d: `M${from[0] * 190 + 164} ${from[1] * 56 + 26} C${x * 190 - 8} ${from[1] * 56 + 26} ${x * 190 - 8} ${y * 56 + 26} ${x * 190 + 4} ${y * 56 + 26}` }));
    }
    const box = svg("g", { class: task.state, transform: `translate(${x * 190 + 4} ${y * 56 + 6})` });
    const icon = ICONS[/** @type {keyof typeof ICONS} */ (task.state)] ?? "?";
    box.append(svg("rect", { width: 160, height: 40, rx: 6 }), svg("text", { x: 10, y: 25 }, `${icon} ${task.id.slice(0, 18)}`));
    box.append(svg("title", {}, `${task.id}: ${task.state} ${task.says}`));
    picture.append(box);
  }
  at("graph").replaceChildren(picture);
  at("tasks").replaceChildren(...tasks.map(([, task]) => {
    const row = document.createElement("tr");
    const icon = ICONS[/** @type {keyof typeof ICONS} */ (task.state)] ?? "?";
    for (const text of [task.id, `${icon} ${task.state}`, task.after.join(", "), task.says]) {
      row.append(Object.assign(document.createElement("td"), { textContent: text }));
    }
    return row;
  }));
}

at("runs").addEventListener("change", (event) => {
  shown = /** @type {HTMLSelectElement} */ (event.target).value;
  void load(shown);
});

/** Reads events for ever; after a break it goes on where it was. */
async function listen() {
  for (;;) {
    try {
      const response = await fetch(`/api/v1/events?since=${since}`, withToken());
      if (!response.ok || !response.body) throw new Error(response.status === 401 ? "a token is needed" : response.statusText);
      at("link").textContent = "connected";
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          const lines = block.split("\n");
          const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
          if (data) take(JSON.parse(data));
          const id = lines.find((line) => line.startsWith("id:"));
          if (id) since = Number(id.slice(3));
        }
      }
      at("link").textContent = "connection lost, connecting again …";
    } catch (error) {
      at("link").textContent = `not connected: ${error instanceof Error ? error.message : error}`;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

void remember();
void listen();
