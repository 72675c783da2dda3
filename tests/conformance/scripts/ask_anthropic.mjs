// anthropic for JavaScript: does what `asking.py` says through the base URLs given.
import Anthropic from "@anthropic-ai/sdk";

const given = JSON.parse(process.argv[2]);
// This client adds /v1 by itself.
const client = (url) => new Anthropic({ baseURL: url.replace(/\/v1$/, ""), apiKey: "unused" }).messages;
const real = client(given.real);
const scripted = client(given.scripted);
const messages = [{ role: "user", content: "Hello there" }];
const auto = { model: `auto${given.suffix}`, messages, max_tokens: given.enough, temperature: 0 };
const brief = { ...auto, max_tokens: given.tokens };
const textOf = (message) => message.content.map((block) => block.text).join("");

const answer = await real.create(brief);
const stream = await real.stream(brief).finalMessage();
const structured = await real.create({
  ...auto, output_config: { format: { type: "json_schema", schema: given.schema } },
});
let error = "";
try {
  await scripted.create({ model: "no-such-model", messages, max_tokens: given.enough });
} catch (raised) {
  error = raised.constructor.name;
}

const { parameters, ...tool } = given.tool;
const tools = [{ ...tool, input_schema: parameters }];
const weather = { model: `weather${given.suffix}`, messages, max_tokens: given.enough, tools };
const asked = await scripted.create(weather);
const [call] = asked.content;
const result = { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "Sunny" }] };
const answered = [...messages, { role: "assistant", content: asked.content }, result];
const told = await scripted.create({ ...weather, messages: answered });
const [streamed] = (await scripted.stream(weather).finalMessage()).content;
let left = 0;
const dripping = await scripted.create({ model: `drips${given.suffix}`, messages, max_tokens: given.enough, stream: true });
for await (const event of dripping) {
  if (event.type === "content_block_delta") left += 1;
  if (left === given.pieces) break;
}
const retried = await scripted.create({ model: `busy-first${given.suffix}`, messages, max_tokens: given.enough });
process.stdout.write(JSON.stringify({
  text: textOf(answer),
  tokens: answer.usage.output_tokens,
  finish_reason: answer.stop_reason,
  stream_text: textOf(stream),
  stream_tokens: stream.usage.output_tokens,
  stream_finish_reason: stream.stop_reason,
  structured: textOf(structured),
  error,
  tool: call.input,
  tool_finish_reason: asked.stop_reason,
  tool_answer: textOf(told),
  stream_tool: streamed.input,
  left,
  retried: textOf(retried),
}));
