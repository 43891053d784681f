// Sends an exchange to the gateway and reads what comes back, whole or as a stream of events.

export async function send(body, key, onText) {
  const began = performance.now();
  const headers = { "content-type": "application/json" };
  if (key) headers.authorization = `Bearer ${key}`;
  const response = await fetch("/v1/chat/completions", { method: "POST", headers, body: JSON.stringify(body) });
  const told = { status: response.status, headers: response.headers, leeward: null, error: null, finish: null, firstMs: null };
  const isStream = (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
  if (isStream) {
    for await (const event of events(response.body)) take(event, told, began, onText);
  } else {
    takeWhole(await response.json(), told, began, onText);
  }
  told.totalMs = performance.now() - began;
  return told;
}

function take(event, told, began, onText) {
  if (event.leeward) told.leeward = event.leeward;
  for (const choice of event.choices ?? []) {
    const text = choice.delta?.content;
    if (typeof text === "string" && text) {
      told.firstMs ??= performance.now() - began;
      onText(text);
    }
    if (choice.finish_reason) told.finish = choice.finish_reason;
  }
}

function takeWhole(body, told, began, onText) {
  told.leeward = body.leeward ?? null;
  told.error = body.error ?? (body.choices ? null : { message: body.message ?? "", code: body.code ?? "" });
  const choice = body.choices?.[0];
  if (!choice) return;
  told.firstMs = performance.now() - began;
  told.finish = choice.finish_reason;
  if (choice.message?.content) onText(choice.message.content);
}

async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue; // comments keep the connection alive
      const data = line.slice(5).trim();
      if (data !== "[DONE]") yield JSON.parse(data);
    }
  }
}
