// anthropic for JavaScript: complete, stream and fail through the base URL given; print what came of it as JSON.
import Anthropic from "@anthropic-ai/sdk";

// This client adds /v1 by itself.
const client = new Anthropic({ baseURL: process.argv[2].replace(/\/v1$/, ""), apiKey: "unused" });
const asked = {
  model: "auto", messages: [{ role: "user", content: "Hello there" }], max_tokens: 8, temperature: 0,
};
const textOf = (message) => message.content.map((block) => block.text).join("");
const answer = await client.messages.create(asked);
const streamed = await client.messages.stream(asked).finalMessage();
let error = "";
try {
  await client.messages.create({ ...asked, model: "no-such-model" });
} catch (raised) {
  error = raised.constructor.name;
}
process.stdout.write(JSON.stringify({
  text: textOf(answer),
  tokens: answer.usage.output_tokens,
  finish_reason: answer.stop_reason,
  stream_text: textOf(streamed),
  stream_tokens: streamed.usage.output_tokens,
  stream_finish_reason: streamed.stop_reason,
  error,
}));
