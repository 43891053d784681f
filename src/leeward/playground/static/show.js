// Draws an exchange and its decision. Text is hostile: it is only ever set as text, never as markup.

export function element(name, options = {}, ...children) {
  const { text, ...attributes } = options;
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children.filter((child) => child !== null));
  return made;
}

const WORDS = {
  pass: "Passed",
  annotate: "Passed, with a note",
  sanitize: "Cleaned, then passed",
  throttle: "Slowed down",
  restrict: "Use restricted",
  block: "Blocked",
  hard_block: "Hard block",
};
const DUTIES = {
  log: "kept on record",
  resources: "help lines shown",
  report: "reported",
  alert: "operators alerted",
  safe_alternative: "safe alternative given",
  uncertainty: "uncertainty marked",
  retrain: "flagged for retraining",
};
const WHO = { user: "You", assistant: "The model calls a tool", tool: "The tool answers", system: "Instructions" };

export function turn(message, index, language) {
  const box = element("div", { class: `turn turn-${message.role}` }, element("span", { class: "turn-who", text: WHO[message.role] ?? message.role }));
  if (message.tool_calls) {
    const call = message.tool_calls[0].function;
    box.append(element("code", { class: "small", text: `${call.name}(${call.arguments})` }));
    return box;
  }
  const chunks = typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
  chunks.forEach((chunk) => {
    if (chunk.type === "text") box.append(element("div", { class: "turn-text", dir: "auto", lang: language, "data-message": index, text: chunk.text }));
    if (chunk.type === "image_url") box.append(element("img", { src: chunk.image_url.url, alt: "A soft gradient of blue and green", width: 128, height: 128 }));
  });
  return box;
}

// Spans count characters, not UTF-16 units, so the text is taken apart by characters.
export function highlight(turns, findings) {
  const spans = new Map();
  for (const finding of findings) {
    const message = /^messages\[(\d+)\]/.exec(finding.part ?? "")?.[1];
    if (message === undefined || !finding.span) continue;
    spans.set(message, [...(spans.get(message) ?? []), finding.span]);
  }
  for (const [message, found] of spans) {
    const box = turns.querySelector(`[data-message="${message}"]`);
    if (box) box.replaceChildren(...marked([...box.textContent], merge(found)));
  }
}

function merge(spans) {
  const merged = [];
  for (const [start, stop] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], stop);
    else merged.push([start, stop]);
  }
  return merged;
}

function marked(characters, spans) {
  const pieces = [];
  let at = 0;
  for (const [start, stop] of spans) {
    pieces.push(characters.slice(at, start).join(""), element("mark", { text: characters.slice(start, stop).join("") }));
    at = stop;
  }
  pieces.push(characters.slice(at).join(""));
  return pieces;
}

// A little Markdown: code fences and the notes that Leeward adds as quotations. Everything else stays text.
export function reply(box, pieces, isRefused, language) {
  const shown = isRefused ? pieces.slice(0, -1) : pieces;
  const blocks = blocksOf(shown.join("").trim());
  const drawn = blocks.map(({ kind, text }) => {
    if (kind === "code") return element("pre", { tabindex: 0, dir: "ltr", text });
    return element("p", { class: kind === "note" ? "note" : "prose", dir: "auto", lang: language }, ...inline(text));
  });
  if (isRefused) {
    if (blocks.length) drawn.push(element("p", { class: "cut", text: "stopped here" }));
    drawn.push(element("p", { class: "refusal", dir: "auto", lang: language, text: pieces.at(-1).trim() }));
  }
  box.replaceChildren(...drawn);
}

function blocksOf(text) {
  const blocks = [];
  let fence = null;
  for (const line of text.split("\n")) {
    const opening = /^(`{3,})/.exec(line)?.[1];
    if (fence) {
      if (opening && opening.length >= fence.length) fence = null;
      else add(blocks, "code", line);
    } else if (opening) {
      fence = opening;
      blocks.push({ kind: "code", lines: [] });
    } else if (line.startsWith(">")) {
      add(blocks, "note", line.replace(/^> ?/, ""));
    } else if (line.trim() === "") {
      blocks.push({ kind: "gap", lines: [] });
    } else {
      add(blocks, "prose", line);
    }
  }
  return blocks.filter((block) => block.lines.some((line) => line.trim())).map((block) => ({ kind: block.kind, text: block.lines.join("\n").trimEnd() }));
}

function inline(text) {
  return text.split(/`([^`\n]+)`/).map((piece, index) => (index % 2 ? element("code", { text: piece }) : piece));
}

function add(blocks, kind, line) {
  const last = blocks.at(-1);
  if (last?.kind === kind) last.lines.push(line);
  else blocks.push({ kind, lines: [line] });
}

export function badge(disposition) {
  return element("span", { class: "badge", "data-disposition": disposition, text: disposition.replace("_", " ") });
}

export function decision(box, told, deskPath) {
  const leeward = told.leeward;
  const disposition = leeward?.disposition ?? told.headers.get("x-leeward-disposition");
  // What a rule on trial saw is on the desk; nothing follows from it here.
  const findings = (leeward?.findings ?? []).filter((finding) => !finding.dry_run);
  const head = element("div", { class: "decision-head" }, element("h3", { id: "decision-title", text: disposition ? WORDS[disposition] : "No decision" }));
  if (disposition) head.append(badge(disposition));
  box.replaceChildren(head);
  const duties = (leeward?.duties ?? []).map((duty) => element("li", { text: DUTIES[duty] ?? duty }));
  if (duties.length) box.append(element("ul", { class: "duties", "aria-label": "What follows" }, ...duties));
  if (findings.length) box.append(element("ul", { class: "findings" }, ...oneEach(findings).map(one)));
  else if (leeward) box.append(element("p", { class: "quiet", text: "No rule saw anything to object to." }));
  box.append(facts(told, leeward, deskPath));
  if (leeward) {
    const raw = element("pre", { tabindex: 0, text: JSON.stringify(leeward, null, 2) });
    box.append(element("details", {}, element("summary", { text: "As the client receives it" }), raw));
  }
  box.hidden = false;
  return disposition;
}

// Several detectors may see the same thing: each rule and place is told once, as sure as the surest.
function oneEach(findings) {
  const best = new Map();
  for (const finding of findings) {
    const at = `${finding.rule} ${finding.hazard} ${finding.part ?? ""} ${(finding.span ?? []).join("-")}`;
    if ((best.get(at)?.confidence ?? -1) < finding.confidence) best.set(at, finding);
  }
  return [...best.values()].sort((a, b) => b.confidence - a.confidence).slice(0, 6);
}

function one(finding) {
  const percent = Math.round(finding.confidence * 100);
  const head = element("div", { class: "finding-head" }, element("code", { text: finding.rule }), element("strong", { text: finding.name ?? "" }), element("code", { text: finding.hazard }));
  const made = element("li", { class: "finding" }, head);
  if (finding.message) made.append(element("p", { text: finding.message }));
  const meter = element("meter", { min: 0, max: 1, value: finding.confidence, "aria-label": "Confidence" });
  made.append(element("div", { class: "sure" }, meter, element("span", { text: `${percent} % sure, ${where(finding)} (${finding.detector})` })));
  if (finding.safe_alternative) made.append(element("pre", { tabindex: 0, text: finding.safe_alternative.trim() }));
  return made;
}

function where(finding) {
  const part = finding.part ?? "";
  const side = part.startsWith("choices") ? "in the reply" : part.startsWith("messages") ? "in the request" : "over the whole exchange";
  return finding.span ? `${side}, characters ${finding.span[0]} to ${finding.span[1]}` : side;
}

function facts(told, leeward, deskPath) {
  const list = element("dl", { class: "facts" });
  const fact = (name, ...value) => list.append(element("dt", { text: name }), element("dd", {}, ...value));
  const id = leeward?.decision_id ?? told.headers.get("x-leeward-decision-id");
  if (told.error) fact("Error", `HTTP ${told.status}, ${told.error.code ?? told.error.type ?? "no code"}`);
  if (id) fact("Decision", deskPath ? element("a", { href: `${deskPath}/decisions/${id}`, text: id }) : id);
  if (leeward) {
    fact("Looked for", short(leeward.checked) || "nothing");
    if (leeward.unchecked.length) fact("Could not look for", element("span", { class: "not-looked", text: short(leeward.unchecked) }));
    if (leeward.language !== "und") fact("Language", leeward.language);
    for (const change of leeward.changes ?? []) fact("Changed", change);
  }
  fact("Time", timing(told));
  return list;
}

const short = (rules) => rules.map((rule) => rule.replace("RULE-MIST-", "")).join(", ");

function timing(told) {
  const looked = /leeward;dur=([\d.]+)/.exec(told.headers.get("server-timing") ?? "")?.[1];
  const parts = [];
  if (looked) parts.push(`${Number(looked).toFixed(1)} ms of looking before the answer began`);
  if (told.firstMs !== null) parts.push(`first text after ${Math.round(told.firstMs)} ms`);
  parts.push(`all of it after ${Math.round(told.totalMs)} ms`);
  return parts.join(", ");
}
