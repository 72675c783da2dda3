// What moves on the page. Everything that is said is written by the gateway; here it is asked for, and drawn.
"use strict";

const LOOK_MS = 2000;
const DRAW_MS = 5000;
const byId = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const state = { paused: false, series: null, curve: null, charts: {} };

// ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────

const isLive = () => !state.paused && !document.hidden;

function trouble(said) {
  byId("trouble").hidden = !said;
  byId("trouble").textContent = said;
}

function every(milliseconds, doing) {
  setInterval(() => isLive() && doing(), milliseconds);
}

async function told(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

document.addEventListener("htmx:sendError", () => trouble("The gateway does not answer. What is shown is the last that it said."));
document.addEventListener("htmx:responseError", (event) => trouble(`The gateway answered ${event.detail.xhr.status}.`));
document.addEventListener("htmx:afterRequest", (event) => event.detail.successful && trouble(""));
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "receipt") byId("receipt").focus();
});
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.id === "ask") byId("verdict").replaceChildren();
});

byId("pause").addEventListener("click", (event) => {
  state.paused = !state.paused;
  event.target.setAttribute("aria-pressed", String(state.paused));
  event.target.textContent = state.paused ? "Go on" : "Pause";
});

byId("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("ask").requestSubmit();
});

// The policy is told anew when there was another edit.
document.addEventListener("htmx:afterRequest", () => {
  const edits = byId("edits")?.dataset.edits;
  if (state.edits && edits !== state.edits) {
    htmx.trigger(document.body, "policy");
    if (byId("dial")) lookAtDial();
  }
  state.edits = edits ?? state.edits;
});

// ── theme ────────────────────────────────────────────────────────────────────────────────────────────────────────

function showTheme() {
  byId("theme").textContent = `Theme: ${document.documentElement.dataset.theme}`;
  redraw();
}

byId("theme").addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
  document.documentElement.dataset.theme = next;
  try {
    localStorage.theme = next;
  } catch {
    // it holds for this page, then
  }
  showTheme();
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

// ── charts ───────────────────────────────────────────────────────────────────────────────────────────────────────

const clockOf = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);
const rate = (value) => (value >= 10 ? value.toFixed(0) : value.toFixed(1));
const money = (value) => `$${value >= 1 ? value.toFixed(2) : value.toFixed(4)}`;
const percent = (value) => `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;

// A percentage where a line of the grid is: with a decimal only where it has one.
const mark = (value) => `${Number((100 * value).toFixed(1))} %`;

function axis(values, size) {
  const line = { stroke: colour("--rule"), width: 1 };
  return { stroke: colour("--beside"), grid: line, ticks: { ...line, size: 4 }, size, values, font: "12px system-ui, sans-serif" };
}

// In UTC, as all times of the page are; with seconds as long as there are only minutes.
function timeAxis(times) {
  const digits = times.at(-1) - times[0] < 300 ? 8 : 5;
  return { ...axis((_, ticks) => ticks.map((tick) => clockOf(tick).slice(0, digits)), 28), space: 70 };
}

function plot(name, options, data) {
  const place = byId(`${name}-chart`);
  const box = { width: place.clientWidth, height: place.clientHeight };
  state.charts[name]?.destroy();
  state.charts[name] = new uPlot({ ...box, padding: [12, 28, 0, 0], legend: { show: false }, ...options }, data, place);
}

// Draws each series on top of those before it: the first lies at the bottom.
function stacked(parts) {
  let sum = parts[0].values.map(() => 0);
  return parts.map((part) => {
    sum = sum.map((value, at) => value + part.values[at]);
    return { ...part, top: sum };
  });
}

function partsOf(series) {
  const tiers = series.tiers.map((tier, at) => ({ name: tier.name, values: tier.per_s, colour: colour(`--tier-${at % 6}`) }));
  return [
    ...tiers,
    { name: "cache", values: series.cache_per_s, colour: colour("--cache") },
    { name: "refused", values: series.refused_per_s, colour: colour("--refused") },
    { name: "failed", values: series.failed_per_s, colour: colour("--poor") },
  ];
}

function swatched(place, begin, parts) {
  const list = parts.flatMap(({ name, said, colour: ink }) => {
    const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const square = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    square.setAttribute("width", "10");
    square.setAttribute("height", "10");
    square.setAttribute("rx", "2");
    square.setAttribute("fill", ink);
    swatch.setAttribute("class", "swatch");
    swatch.append(square);
    const text = document.createElement("span");
    text.append(swatch, `${name} ${said}`);
    return [text, " "];
  });
  place.replaceChildren(begin, " ", ...list);
}

function reading(name, times, parts, say) {
  return (chart) => {
    const last = times.length - 1;
    const at = chart?.cursor?.idx ?? last;
    if (at < 0) return;
    const begin = at === last ? "Now:" : `${clockOf(times[at])}:`;
    swatched(byId(`${name}-readout`), begin, parts.map((part) => ({ ...part, said: say(part.values[at]) })));
  };
}

function drawTraffic(series) {
  const parts = partsOf(series);
  const layers = stacked(parts).reverse();
  const read = reading("traffic", series.at_s, parts, (value) => `${rate(value)}/s`);
  plot(
    "traffic",
    {
      axes: [timeAxis(series.at_s), axis((_, ticks) => ticks.map((tick) => `${tick}/s`), 48)],
      scales: { y: { range: (_, low, high) => [0, Math.max(1, high * 1.08)] } },
      series: [{}, ...layers.map((layer) => ({ label: layer.name, stroke: layer.colour, fill: layer.colour, width: 0, points: { show: false } }))],
      hooks: { setCursor: [read] },
    },
    [series.at_s, ...layers.map((layer) => layer.top)],
  );
  read();
}

function drawMoney(series) {
  const parts = [
    { name: "at the strongest tier", values: series.strongest_usd_per_min, colour: colour("--beside") },
    { name: "charged", values: series.charged_usd_per_min, colour: colour("--accent") },
  ];
  const read = reading("money", series.at_s, parts, (value) => `${money(value)}/min`);
  plot(
    "money",
    {
      axes: [timeAxis(series.at_s), axis((_, ticks) => ticks.map((tick) => `$${tick}`), 64)],
      scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      series: [
        {},
        { label: parts[0].name, stroke: parts[0].colour, width: 1.5, dash: [5, 4], points: { show: false } },
        { label: parts[1].name, stroke: parts[1].colour, fill: colour("--accent-wash"), width: 2, points: { show: false } },
      ],
      hooks: { setCursor: [read] },
    },
    [series.at_s, parts[0].values, parts[1].values],
  );
  read();
}

async function lookAtSeries() {
  try {
    state.series = await told("/console/series");
  } catch {
    return; // the figures' own look says so
  }
  redrawSeries();
}

function redrawSeries() {
  if (!state.series || state.series.at_s.length < 2) return;
  drawTraffic(state.series);
  drawMoney(state.series);
}

// ── the dial ─────────────────────────────────────────────────────────────────────────────────────────────────────

// Which point of the curve the policy's own λ is nearest to.
function pointOfNow({ points, now }) {
  const away = points.map((point) => Math.abs(point.cost - now.cost));
  return away.indexOf(Math.min(...away));
}

function sayDial() {
  const { points, tiers, now, asked_quality: asked } = state.curve;
  const at = Number(byId("dial").value);
  const isNow = at === pointOfNow(state.curve);
  const point = isNow ? now : points[at];
  const shares = tiers.map((name, tier) => ({ name, said: percent(point.shares[tier]), colour: colour(`--tier-${tier % 6}`) }));
  const promise = isNow && asked ? `, ${percent(asked)} asked for` : "";
  const head = `${isNow ? "The policy's dial" : `λ ${point.dial.toPrecision(3)} per USD`}: keeps ${percent(point.quality)} of the quality (at least ${percent(point.low)}${promise}) for ${percent(point.cost)} of the cost. Sends`;
  swatched(byId("dial-readout"), head, shares);
  byId("dial").setAttribute("aria-valuetext", byId("dial-readout").textContent);
}

function drawDial() {
  if (!state.curve) return;
  const ordered = [...state.curve.points].sort((one, other) => one.quality - other.quality);
  const { now } = state.curve;
  const at = () => {
    const point = Number(byId("dial").value) === pointOfNow(state.curve) ? now : state.curve.points[Number(byId("dial").value)];
    return point;
  };
  const dots = (chart) => {
    const pixel = devicePixelRatio;
    const dot = (point, radius, ink, isFull) => {
      chart.ctx.beginPath();
      chart.ctx.arc(chart.valToPos(point.quality, "x", true), chart.valToPos(point.cost, "y", true), radius * pixel, 0, 7);
      chart.ctx.lineWidth = 2 * pixel;
      chart.ctx.strokeStyle = chart.ctx.fillStyle = ink;
      if (isFull) chart.ctx.fill();
      else chart.ctx.stroke();
    };
    dot(now, 8, colour("--ink"), false);
    dot(at(), 5, colour("--accent"), true);
  };
  plot(
    "dial",
    {
      axes: [
        { ...axis((_, ticks) => ticks.map(mark), 30), label: "quality kept, of the strongest tier's", labelSize: 22, labelFont: "12px system-ui, sans-serif" },
        { ...axis((_, ticks) => ticks.map(mark), 52), label: "cost, of always the strongest tier", labelSize: 22, labelFont: "12px system-ui, sans-serif" },
      ],
      scales: { x: { time: false }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.05)] } },
      series: [{}, { stroke: colour("--accent"), fill: colour("--accent-wash"), width: 2, points: { show: false } }],
      cursor: { show: false },
      hooks: { draw: [dots] },
    },
    [ordered.map((point) => point.quality), ordered.map((point) => point.cost)],
  );
  sayDial();
}

function turnBack() {
  byId("dial").value = pointOfNow(state.curve);
  drawDial();
}

async function lookAtDial() {
  try {
    state.curve = await told(`/console/curve/${encodeURIComponent(byId("dial-route").value)}`);
  } catch {
    byId("dial-readout").textContent = "The gateway does not say what the dial does.";
    return;
  }
  byId("dial").max = state.curve.points.length - 1;
  turnBack();
}

if (byId("dial")) {
  byId("dial").addEventListener("input", () => {
    sayDial();
    state.charts.dial?.redraw();
  });
  byId("dial-route").addEventListener("change", lookAtDial);
  byId("dial-now").addEventListener("click", turnBack);
  lookAtDial();
}

// ── begin ────────────────────────────────────────────────────────────────────────────────────────────────────────

function redraw() {
  redrawSeries();
  drawDial();
}

let resizing;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(redraw, 150);
});
every(LOOK_MS, () => htmx.trigger("#live", "tick"));
every(DRAW_MS, lookAtSeries);
lookAtSeries();
showTheme();
