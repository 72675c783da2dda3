// openai for JavaScript over the Responses API: does what `asking.py` says through the base URLs given.
import OpenAI from "openai";

const given = JSON.parse(process.argv[2]);
const real = new OpenAI({ baseURL: given.real, apiKey: "unused" }).responses;
const scripted = new OpenAI({ baseURL: given.scripted, apiKey: "unused" }).responses;
const input = [{ role: "user", content: "Hello there" }];
const auto = { model: `auto${given.suffix}`, input, temperature: 0 };
const brief = { ...auto, max_output_tokens: given.tokens };

const answer = await real.create(brief);
const events = [];
for await (const event of await real.create({ ...brief, stream: true })) events.push(event);
const final = events.at(-1).response;
const format = { type: "json_schema", name: "opinion", strict: true, schema: given.schema };
const structured = await real.create({ ...auto, max_output_tokens: given.enough, text: { format } });
let error = "";
try {
  await scripted.create({ model: "no-such-model", input });
} catch (raised) {
  error = raised.constructor.name;
}

const weather = { model: `weather${given.suffix}`, input, tools: [{ type: "function", strict: true, ...given.tool }] };
const asked = await scripted.create(weather);
const [call] = asked.output;
const result = { type: "function_call_output", call_id: call.call_id, output: "Sunny" };
const told = await scripted.create({ ...weather, input: [...input, call, result] });
const [streamed] = (await scripted.stream(weather).finalResponse()).output;
let left = 0;
for await (const event of await scripted.create({ model: `drips${given.suffix}`, input, stream: true })) {
  if (event.type === "response.output_text.delta") left += 1;
  if (left === given.pieces) break;
}
const retried = await scripted.create({ model: `busy-first${given.suffix}`, input });
process.stdout.write(JSON.stringify({
  text: answer.output_text,
  tokens: answer.usage.output_tokens,
  finish_reason: answer.incomplete_details?.reason ?? null,
  stream_text: events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta).join(""),
  stream_tokens: final.usage.output_tokens,
  stream_finish_reason: final.incomplete_details?.reason ?? null,
  structured: structured.output_text,
  error,
  tool: JSON.parse(call.arguments),
  tool_finish_reason: asked.status,
  tool_answer: told.output_text,
  stream_tool: JSON.parse(streamed.arguments),
  left,
  retried: retried.output_text,
}));
