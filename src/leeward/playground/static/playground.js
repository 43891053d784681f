// The playground: plays ready-made exchanges, and any other, against the gateway that serves this page.

import { send } from "./stream.js";
import { badge, decision, element, highlight, reply, turn } from "./show.js";

const BURST_MOST = 100;
const BURST_AT_ONCE = 4;
const PLACES = ["harbour", "island", "lighthouse", "reef", "estuary", "lagoon", "fjord", "delta", "strait", "cape", "atoll", "bay", "canal", "cliff", "dune", "marsh", "pier", "quay", "shoal", "sound"];
const THINGS = ["bird", "boat", "storm", "map", "tide", "song", "fish", "rope", "stone", "bridge", "flag", "market", "tower", "garden", "road", "winter", "summer", "name", "law", "war", "school", "mill", "bell", "ferry", "well", "coin", "feast", "saint", "seed", "wall"];

const at = (id) => document.getElementById(id);
const page = { form: at("ask"), prompt: at("prompt"), model: at("model"), key: at("key"), exchange: at("exchange"), title: at("exchange-title"), badge: at("exchange-badge"), watch: at("exchange-watch"), status: at("status"), turns: at("turns"), decision: at("decision") };
const deskPath = document.querySelector('.masthead nav a[href^="/desk"]')?.getAttribute("href") ?? "";
const readyMade = fetch("/playground/exchanges.json").then((response) => response.json()).then((told) => new Map(told.map((exchange) => [exchange.id, exchange])));
let playing = 0;

async function play({ title, watch, language, messages, card }) {
  const mine = ++playing;
  begin(title, watch, card);
  messages.forEach((message, index) => page.turns.append(turn(message, index, language)));
  const box = element("div", { class: "reply is-arriving" });
  page.turns.append(element("div", { class: "turn turn-reply" }, element("span", { class: "turn-who", text: "What comes back" }), box));
  const pieces = [];
  const told = await attempt({ model: page.model.value || "default", stream: true, messages }, (piece) => {
    if (mine !== playing) return;
    pieces.push(piece);
    reply(box, pieces, false, language);
  });
  if (mine !== playing) return;
  box.classList.remove("is-arriving");
  const isRefused = told.finish === "content_filter" && pieces.length > 0;
  reply(box, pieces, isRefused, told.leeward?.language ?? language);
  if (told.error) box.append(element("p", { class: "refusal", dir: "auto", text: told.error.message || `The gateway answered with status ${told.status}.` }));
  end(told, card);
}

async function playBurst(exchange, { title, watch, card }) {
  const mine = ++playing;
  begin(title, watch, card);
  const count = element("p", { class: "burst-count", text: "0 requests sent" });
  const bar = element("progress", { max: BURST_MOST, value: 0, "aria-label": "Requests sent" });
  const example = element("div", { class: "turn turn-user" }, element("span", { class: "turn-who", text: "A program, again and again" }), element("div", { class: "turn-text", text: exchange.prompt }));
  page.turns.append(example, element("div", { class: "burst" }, bar, count));
  // An end user of its own, so that each burst begins unsuspected.
  const user = `demo-burst-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  const state = { sent: 0, told: null };
  const runner = async () => {
    while (state.sent < BURST_MOST && !state.told && mine === playing) {
      const number = state.sent++;
      const word = `the ${PLACES[number % PLACES.length]} ${THINGS[Math.floor(number / PLACES.length) % THINGS.length]}`;
      const content = exchange.prompt.replace("{word}", word);
      const told = await attempt({ model: page.model.value || "default", user, logprobs: true, top_logprobs: 5, temperature: 0, max_tokens: 16, messages: [{ role: "user", content }] }, () => {}, page.form.dataset.burstKey);
      if (told.status !== 200 && !state.told) state.told = told;
      bar.value = number + 1;
      count.textContent = `${number + 1} requests sent`;
      state.last = told;
    }
  };
  await Promise.all(Array.from({ length: BURST_AT_ONCE }, runner));
  if (mine !== playing) return;
  const told = state.told ?? state.last;
  const wait = told.headers.get("retry-after");
  count.textContent = state.told ? `Slowed down at request ${bar.value}${wait ? `: this caller is asked to wait ${wait} s` : ""}.` : `${bar.value} requests sent, none of them slowed down.`;
  if (told.error) page.turns.append(element("div", { class: "reply" }, element("p", { class: "refusal", text: told.error.message })));
  end(told, card);
}

async function attempt(body, onText, key = page.key.value) {
  try {
    return await send(body, key, onText);
  } catch (error) {
    const reason = { message: `No answer came: ${error.message}`, code: "network" };
    return { status: 0, headers: new Headers(), leeward: null, error: reason, finish: null, firstMs: null, totalMs: 0 };
  }
}

function begin(title, watch, card) {
  document.querySelectorAll(".card[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
  card?.setAttribute("aria-current", "true");
  page.title.textContent = title;
  page.watch.textContent = watch;
  page.badge.replaceChildren();
  page.exchange.scrollTop = 0;
  page.turns.replaceChildren();
  page.decision.hidden = true;
  page.decision.replaceChildren();
  page.exchange.dataset.state = "playing";
  page.status.textContent = `Sending: ${title}`;
  if (matchMedia("(max-width: 56rem)").matches) page.exchange.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

function end(told, card) {
  const disposition = decision(page.decision, told, deskPath);
  highlight(page.turns, told.leeward?.findings ?? []);
  if (disposition) page.badge.replaceChildren(badge(disposition));
  if (disposition) card?.querySelector(".card-seen").replaceChildren(badge(disposition));
  page.exchange.dataset.state = "done";
  page.status.textContent = `Decision: ${disposition?.replace("_", " ") ?? "none"}`;
  if (told.status === 401) document.querySelector(".ask details").open = true;
}

document.querySelectorAll(".card").forEach((card) => {
  card.addEventListener("click", async () => {
    const exchange = (await readyMade).get(card.dataset.exchange);
    const about = { title: card.querySelector(".card-title").textContent, watch: at(`watch-${exchange.id}`).textContent, card };
    if (exchange.kind === "burst") await playBurst(exchange, about);
    else await play({ ...about, language: exchange.language, messages: exchange.messages });
  });
});

page.form.addEventListener("submit", (event) => {
  event.preventDefault();
  const content = page.prompt.value.trim();
  if (content) play({ title: "Your own words", watch: "", language: "", messages: [{ role: "user", content }] });
});
page.prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) page.form.requestSubmit();
});

document.querySelectorAll(".copy").forEach((button) => {
  const label = button.firstChild;
  button.addEventListener("click", async () => {
    const source = at(button.dataset.copy);
    getSelection().selectAllChildren(source);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      label.textContent = "Copied";
    } catch {
      label.textContent = "Selected"; // browsers lend the clipboard to safe origins only
    }
    setTimeout(() => { label.textContent = "Copy"; }, 1600);
  });
});

fetch("/v1/models").then((response) => (response.ok ? response.json() : { data: [] })).then(({ data }) => {
  at("models").replaceChildren(...data.map((model) => element("option", { value: model.id })));
  if (!page.model.value && data.length) page.model.value = data[0].id;
});
