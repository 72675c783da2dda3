// openai for JavaScript over the Responses API: the same as `ask_openai.mjs`.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "unused" });
const asked = { model: "auto", input: "Hello there", max_output_tokens: 8, temperature: 0 };
const answer = await client.responses.create(asked);
const events = [];
for await (const event of await client.responses.create({ ...asked, stream: true })) events.push(event);
const final = events.at(-1).response;
let error = "";
try {
  await client.responses.create({ model: "no-such-model", input: "Hello" });
} catch (raised) {
  error = raised.constructor.name;
}
process.stdout.write(JSON.stringify({
  text: answer.output_text,
  tokens: answer.usage.output_tokens,
  finish_reason: answer.incomplete_details.reason,
  stream_text: events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta).join(""),
  stream_tokens: final.usage.output_tokens,
  stream_finish_reason: final.incomplete_details.reason,
  error,
}));
