// Last part of the script: asks for status.json while the page is in view, and shows what it says. Rates and
// percentiles are worked out here, from the counters of two answers.

const POLL_MS = 1000;
const ANSWER_MS = 5000; // a longer answer is none
const FIGURE_MS = 5000; // figures are of so long
const LINE_MS = 300000; // lines are of so long at most
const LINE_MIN_MS = 60000;
const GAP_MS = 10000; // between two answers: the page was out of view, or paused
const REPORT_MS = 5000; // what an instance told before is unknown now
const RANKING_MS = 5000;
const RANKING_PLACES = 10;

// What was read, from old to new; of one process of the gateway.
let samples = [];
let pollTimer = 0;
let isPolling = false;
let isPaused = false;
let isRestarted = false;
let rankingAsked = 0;
let rankings = [];
let requestMs = 60000; // server.request_timeout; its most before that is known

// ---- figures --------------------------------------------------------------------------------------------------------

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

function sampleOf(data) {
  const { accepted, ...outcomes } = data.writes;
  return { clock: data.clock_ms, outcomes, shed: data.shed, latency: data.latency };
}

const isGap = (before, after) => after.clock - before.clock > GAP_MS;

// The last answer that is at least FIGURE_MS older than the newest one, or else the oldest after a gap.
function sampleBefore() {
  const newest = samples[samples.length - 1];
  let place = samples.length - 1;
  while (place > 0 && newest.clock - samples[place].clock < FIGURE_MS && !isGap(samples[place - 1], samples[place])) {
    place--;
  }
  return samples[place];
}

const applied = (sample) => sample.outcomes.applied;
const read = (sample) => sum(sample.latency.reads);
const perSecond = (before, after, value) =>
  after.clock > before.clock ? ((value(after) - value(before)) * 1000) / (after.clock - before.clock) : null;

// The q-quantile in seconds of what came between two answers, as Prometheus's histogram_quantile reckons it; null:
// nothing came.
function quantile(before, after, kind, q) {
  const counts = after.latency[kind].map((number, place) => number - before.latency[kind][place]);
  const bounds = after.latency.bounds_seconds;
  const rank = q * sum(counts);
  if (rank === 0) {
    return null;
  }
  let below = 0;
  let place = 0;
  while (place < bounds.length && below + counts[place] < rank) {
    below += counts[place++];
  }
  if (place === bounds.length) {
    return bounds[place - 1];
  }
  const low = place === 0 ? 0 : bounds[place - 1];
  return low + (bounds[place] - low) * ((rank - below) / counts[place]);
}

function showFigure(id, value) {
  byId(id).classList.toggle("unknown", !isNumber(value));
  put(byId(id), rate(value));
}

function showLatency(id, kind, before, after) {
  const cell = (q) => {
    if (after === before) {
      return WORD("unknown");
    }
    const seconds = quantile(before, after, kind, q);
    return seconds === null ? WORD("none") : duration(seconds);
  };
  fillList(byId(id), [["p50", cell(0.5)], ["p95", cell(0.95)], ["p99", cell(0.99)]]);
}

function showLine(id, value, words) {
  const newest = samples[samples.length - 1].clock;
  const points = samples.slice(1).map((after, place) => {
    const before = samples[place];
    return [(newest - after.clock) / 1000, isGap(before, after) ? null : value(before, after)];
  });
  const values = points.map(([, number]) => number).filter(isNumber);
  drawLine(byId(`${id}-line`), points, Math.max(LINE_MIN_MS, newest - samples[0].clock) / 1000);
  put(byId(`${id}-peak`), values.length > 0 ? WORD("peak", words(Math.max(...values))) : "");
}

function outcomeRow(name, word, health, before, after) {
  const value = (sample) => (name === "shed" ? sample.shed : sample.outcomes[name]);
  const now = perSecond(before, after, value);
  return [
    { text: WORD(word), health: now > 0 ? health : "none" },
    { text: rate(now), number: true },
    { text: count(value(after)), number: true },
  ];
}

function showTraffic() {
  const after = samples[samples.length - 1];
  const before = sampleBefore();
  showFigure("increments", perSecond(before, after, applied));
  showFigure("reads", perSecond(before, after, read));
  showLatency("increment-latency", "increments", before, after);
  showLatency("read-latency", "reads", before, after);
  showLine("increments", (a, b) => perSecond(a, b, applied), rate);
  showLine("reads", (a, b) => perSecond(a, b, read), rate);
  showLine("increment-latency", (a, b) => quantile(a, b, "increments", 0.99), duration);
  showLine("read-latency", (a, b) => quantile(a, b, "reads", 0.99), duration);
  fillTable(byId("outcomes"), [
    outcomeRow("applied", "applied", "ok", before, after),
    outcomeRow("replayed", "replayed", "ok", before, after),
    outcomeRow("not_applied", "not_applied", "degraded", before, after),
    outcomeRow("unknown", "outcome_unknown", "unavailable", before, after),
    outcomeRow("shed", "shed", "degraded", before, after),
  ]);
}

// ---- parts ----------------------------------------------------------------------------------------------------------

const HEALTHS = ["ok", "degraded", "unavailable"];
const healthOf = (status) => (HEALTHS.includes(status) ? status : "unknown");

function partCell(component) {
  if (!component) {
    return { text: WORD("unknown"), health: "unknown" };
  }
  const health = healthOf(component.status);
  return { text: WORD(`part_${health}`), health, detail: component.detail };
}

// The reports but those of instances of another store, which get no calls: their Redis and events are not ours.
function reportsOf(data) {
  const { instances } = data.health.components.counter_service;
  const others = instances.filter((instance) => instance.status === "other_store").map((instance) => instance.target);
  return data.reports.filter((report) => !others.includes(report.target));
}

// The components of that name that the instances told lately.
function componentsOf(data, name) {
  const fresh = reportsOf(data).filter((report) => report.health && report.age_ms < REPORT_MS);
  return fresh.map((report) => (report.health.components || {})[name]).filter(Boolean);
}

// Each instance tells how much waits in all partitions, some a moment later than others; but the lag only of those that
// it leads, so it is known when all have told. The state is the worst.
function partRow(data, name) {
  const components = componentsOf(data, name);
  const role = name === "events" ? "relay" : "aggregator";
  const worst = components.reduce(
    (a, b) => (a && HEALTHS.indexOf(healthOf(a.status)) >= HEALTHS.indexOf(healthOf(b.status)) ? a : b), null);
  if (components.length > 0 && name !== "redis" && components.every((part) => part[role] === "off")) {
    const none = { text: "–", number: true };
    return [WORD(name), { text: WORD("off"), health: "none" }, none, none];
  }
  const greatest = (field) => Math.max(...components.map((part) => part[field]));
  const isKnown = components.length > 0;
  const isWhole = isKnown && components.length === reportsOf(data).length;
  const waiting = isKnown ? count(greatest("waiting")) : WORD("unknown");
  const lag = isWhole ? duration(greatest("lag_seconds")) : WORD("unknown");
  const numbers = name === "redis" ? ["–", "–"] : [waiting, lag];
  return [WORD(name), partCell(worst), ...numbers.map((text) => ({ text, number: true }))];
}

function showParts(data) {
  fillTable(byId("parts"), ["redis", "events", "rankings"].map((name) => partRow(data, name)));
  const told = componentsOf(data, "redis").length;
  put(byId("parts-note"), WORD("told_by", count(told), count(reportsOf(data).length)));
}

function instanceRow(instance, report) {
  const isFresh = report && report.health && report.age_ms < REPORT_MS;
  const isBad = ["other_store", "no_store"].includes(instance.status);
  const breaker = { closed: "ok", half_open: "degraded", open: "unavailable" }[instance.breaker] || "unknown";
  return [
    { text: instance.target, name: true },
    { text: WORD(`instance_${instance.status}`), health: isBad ? "degraded" : healthOf(instance.status) },
    { text: WORD(instance.breaker), health: breaker },
    { text: `${count(instance.ready_channels)} / ${count(instance.channels)}` },
    partCell(isFresh && report.health.components ? report.health.components.redis : null),
    time(instance.last_change),
  ];
}

function showInstances(data) {
  const { instances } = data.health.components.counter_service;
  const rows = instances.map((instance) =>
    instanceRow(instance, data.reports.find((report) => report.target === instance.target)));
  fillTable(byId("instances"), rows.length > 0 ? rows : [[WORD("no_instances")]]);
}

const COMPONENTS = { counter_service: "counter-service", consul: "Consul", name: "DNS" };

// What is wrong, Redis first, since the others follow from it. Its details name it, the others are named here.
function detailsOf(data) {
  const ofRedis = componentsOf(data, "redis").map((part) => part.detail);
  const ofOthers = Object.entries(data.health.components).map(([name, { detail }]) =>
    detail && `${COMPONENTS[name] || name}: ${detail}`);
  return [...new Set([...ofRedis, ...ofOthers].filter(Boolean))];
}

function showState(data) {
  const { status } = data.health;
  const details = detailsOf(data).join("; ");
  const text = details ? `${WORD(status)}: ${details}` : WORD(status);
  document.title = status === "ok" ? "Tally" : `${WORD(status)} – Tally`;
  setHealth(byId("state"), status === "draining" ? "degraded" : healthOf(status), text);
  const since = WORD("up_since", moment.format(new Date(data.started_ms)));
  put(byId("about"), [WORD("gateway_since", data.version), since, isRestarted ? WORD("retried") : ""]
    .filter(Boolean).join(" · "));
}

// ---- asking ---------------------------------------------------------------------------------------------------------

function take(data) {
  const newest = samples[samples.length - 1];
  if (newest && (data.started_ms !== newest.started || data.clock_ms < newest.clock)) {
    samples = [];
    isRestarted = true;
  }
  samples.push({ ...sampleOf(data), started: data.started_ms });
  requestMs = data.request_timeout_ms;
  samples = samples.filter((sample) => data.clock_ms - sample.clock <= LINE_MS);
  showState(data);
  showTraffic();
  showParts(data);
  showInstances(data);
  takeRankings(data.rankings);
}

// Nothing is known: no figure may stay as if it were of now.
function takeNothing(...word) {
  const unknown = [[{ text: WORD("unknown"), health: "unknown" }]];
  document.title = `${WORD(...word)} – Tally`;
  setHealth(byId("state"), "unavailable", WORD(...word));
  ["increments", "reads"].forEach((id) => showFigure(id, null));
  ["increment-latency", "read-latency"].forEach((id) =>
    fillList(byId(id), ["p50", "p95", "p99"].map((name) => [name, WORD("unknown")])));
  ["outcomes", "parts", "instances"].forEach((id) => fillTable(byId(id), unknown));
  put(byId("parts-note"), "");
}

const here = (path) => new URL(path, document.baseURI);

async function ask(path) {
  return fetch(here(path), { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
}

// {status, text} of the answer; null: none came.
async function askStatus() {
  try {
    const response = await ask("status.json");
    return { status: response.status, text: await response.text() };
  } catch (error) {
    console.warn(error);
    return null;
  }
}

function takeAnswer(answer) {
  if (answer === null) {
    takeNothing("no_answer");
    return;
  }
  if (answer.status !== 200) {
    takeNothing([403, 404].includes(answer.status) ? "forbidden" : "answers_status", answer.status);
    return;
  }
  try {
    take(JSON.parse(answer.text));
  } catch (error) {
    samples = []; // the next rates are not worked out from this answer
    takeNothing("not_shown");
    console.warn(error);
  }
}

async function poll() {
  clearTimeout(pollTimer);
  if (document.hidden || isPaused || isPolling) {
    return;
  }
  isPolling = true;
  const answer = await askStatus();
  isPolling = false;
  if (!isPaused) {
    takeAnswer(answer);
  }
  pollTimer = setTimeout(poll, POLL_MS);
}

// What was asked before is passed over when it comes. A ranking is read still when another one is chosen.
function onPause() {
  isPaused = !isPaused;
  put(byId("pause"), WORD(isPaused ? "resume" : "pause"));
  put(byId("paused"), isPaused ? WORD("paused", moment.format(new Date())) : "");
  poll();
}

// ---- rankings -------------------------------------------------------------------------------------------------------

function takeRankings(list) {
  rankings = list;
  byId("ranking-choice").hidden = list.length === 0;
  if (list.length === 0) {
    byId("ranking-table").hidden = true;
    put(byId("ranking-note"), WORD("no_rankings"));
    return;
  }
  fillSelect(byId("ranking-type"), list.map((ranking) => ranking.counter_type));
  const chosen = list.find((ranking) => ranking.counter_type === byId("ranking-type").value);
  fillSelect(byId("ranking-window"), chosen.windows);
  if (Date.now() - rankingAsked >= RANKING_MS) {
    showRanking();
  }
}

// A score may be greater than what a double holds. Where the browser does not tell the digits, it is as near as that.
const exactScores = (key, value, context) =>
  key === "score" && context && /^-?[0-9]+$/.test(context.source) ? BigInt(context.source) : value;

async function showRanking() {
  const type = byId("ranking-type").value;
  const window_ = byId("ranking-window").value;
  rankingAsked = Date.now();
  let rows = [];
  let note;
  try {
    const query = new URLSearchParams({ window: window_, limit: RANKING_PLACES });
    const response = await ask(`api/v1/rankings/${encodeURIComponent(type)}?${query}`);
    const answer = JSON.parse(await response.text(), exactScores);
    if (response.ok) {
      rows = answer.entries.map((entry) => [
        { text: count(entry.rank), number: true },
        { text: entry.resource_id, name: true },
        { text: count(entry.score), number: true },
      ]);
      note = rows.length === 0 ? WORD("ranking_empty")
        : WORD(answer.complete ? "ranking_as_of" : "ranking_incomplete", time(answer.as_of));
    } else {
      note = WORD("ranking_failed", answer.detail || answer.title);
    }
  } catch (error) {
    note = WORD("ranking_failed", error.message);
  }
  if (type === byId("ranking-type").value && window_ === byId("ranking-window").value) {
    byId("ranking-table").hidden = rows.length === 0;
    fillTable(byId("ranking"), rows, 1);
    put(byId("ranking-note"), note);
  }
}

// ---- the form -------------------------------------------------------------------------------------------------------

const field = (name) => byId(`try-${name}`).value;

// The number is sent as it was typed. Marks that turn the direction of writing are escaped, so that the curl line shows
// what it does.
function requestBody() {
  const text = (value) =>
    JSON.stringify(value).replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
      (mark) => `\\u${mark.charCodeAt(0).toString(16)}`);
  const delta = /^-?[0-9]+$/.test(field("delta")) ? field("delta").replace(/^(-?)0+(?=[0-9])/, "$1") : "1";
  return `{"resource_id":${text(field("resource"))},"counter_type":${text(field("type"))},"increment":${delta}}`;
}

const isKey = (text) => /^[!-~]*$/.test(text);
const shellWord = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function showCurl() {
  const hasKey = field("key") !== "" && isKey(field("key"));
  const key = hasKey ? ` -H ${shellWord(`Idempotency-Key: ${field("key")}`)}` : "";
  put(byId("try-curl"), `curl -i -H 'Content-Type: application/json'${key} -d ${shellWord(requestBody())} ` +
    shellWord(here("api/v1/counter/increment").href));
}

async function send(key) {
  const headers = { "Content-Type": "application/json", ...(key === "" ? {} : { "Idempotency-Key": key }) };
  const start = performance.now();
  const signal = AbortSignal.timeout(requestMs + ANSWER_MS);
  const response =
    await fetch(here("api/v1/counter/increment"), { method: "POST", headers, body: requestBody(), signal });
  const text = await response.text();
  const outcome = response.ok ? "ok" : response.status === 504 ? "unavailable" : "degraded";
  const replay = response.headers.get("Idempotent-Replayed") === "true" ? ` (${WORD("replayed")})` : "";
  const line = WORD("answered", response.status, whole.format(performance.now() - start));
  setHealth(byId("try-status"), outcome, line + replay);
  put(byId("try-answer"), text);
  byId("try-answer").hidden = false;
}

async function onSubmit(event) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  if (button.getAttribute("aria-disabled") === "true") {
    return;
  }
  const key = field("key");
  if (!isKey(key)) {
    setHealth(byId("try-status"), "degraded", WORD("bad_key"));
    return;
  }
  button.setAttribute("aria-disabled", "true"); // not disabled: it would lose the focus
  byId("try-answer").hidden = true;
  setHealth(byId("try-status"), "none", WORD("sending"));
  try {
    await send(key);
  } catch (error) {
    setHealth(byId("try-status"), "unavailable", WORD(key === "" ? "no_reply_no_key" : "no_reply"));
    console.warn(error);
  }
  button.removeAttribute("aria-disabled");
}

// ---- start ----------------------------------------------------------------------------------------------------------

function start() {
  setRoles();
  if (LANGUAGE !== "en") {
    document.querySelectorAll("[data-word]").forEach((element) => put(element, WORD(element.dataset.word)));
  }
  byId("pause").hidden = false;
  byId("pause").addEventListener("click", onPause);
  byId("try").addEventListener("submit", onSubmit);
  byId("try").addEventListener("input", showCurl);
  byId("ranking-type").addEventListener("change", () => {
    rankingAsked = 0;
    takeRankings(rankings);
  });
  byId("ranking-window").addEventListener("change", showRanking);
  document.addEventListener("visibilitychange", poll);
  showCurl();
  poll();
}

start();
