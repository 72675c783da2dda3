// openai for JavaScript over chat completions: does what `asking.py` says through the base URLs given.
import OpenAI from "openai";

const given = JSON.parse(process.argv[2]);
const real = new OpenAI({ baseURL: given.real, apiKey: "unused" }).chat.completions;
const scripted = new OpenAI({ baseURL: given.scripted, apiKey: "unused" }).chat.completions;
const messages = [{ role: "user", content: "Hello there" }];
const auto = { model: `auto${given.suffix}`, messages, temperature: 0 };
const brief = { ...auto, max_tokens: given.tokens };

const answer = await real.create(brief);
const chunks = [];
const stream = await real.create({ ...brief, stream: true, stream_options: { include_usage: true } });
for await (const chunk of stream) chunks.push(chunk);
const structured = await real.create({
  ...auto,
  max_tokens: given.enough,
  response_format: { type: "json_schema", json_schema: { name: "opinion", strict: true, schema: given.schema } },
});
let error = "";
try {
  await scripted.create({ model: "no-such-model", messages });
} catch (raised) {
  error = raised.constructor.name;
}

const weather = { model: `weather${given.suffix}`, messages, tools: [{ type: "function", function: given.tool }] };
const asked = await scripted.create(weather);
const [call] = asked.choices[0].message.tool_calls;
const result = { role: "tool", tool_call_id: call.id, content: "Sunny" };
const told = await scripted.create({ ...weather, messages: [...messages, asked.choices[0].message, result] });
const streamed = await scripted.stream(weather).finalMessage();
let left = 0;
for await (const _ of await scripted.create({ model: `drips${given.suffix}`, messages, stream: true })) {
  left += 1;
  if (left === given.pieces) break;
}
const retried = await scripted.create({ model: `busy-first${given.suffix}`, messages });
process.stdout.write(JSON.stringify({
  text: answer.choices[0].message.content,
  tokens: answer.usage.completion_tokens,
  finish_reason: answer.choices[0].finish_reason,
  stream_text: chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.delta.content ?? "").join(""),
  stream_tokens: chunks.at(-1).usage.completion_tokens,
  stream_finish_reason: chunks.at(-2).choices[0].finish_reason,
  structured: structured.choices[0].message.content,
  error,
  tool: JSON.parse(call.function.arguments),
  tool_finish_reason: asked.choices[0].finish_reason,
  tool_answer: told.choices[0].message.content,
  stream_tool: JSON.parse(streamed.tool_calls[0].function.arguments),
  left,
  retried: retried.choices[0].message.content,
}));
