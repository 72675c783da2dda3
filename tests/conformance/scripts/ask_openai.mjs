// openai for JavaScript: complete, stream and fail through the base URL given; print what came of it as JSON.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "unused" });
const messages = [{ role: "user", content: "Hello there" }];
const answer = await client.chat.completions.create({ model: "auto", messages, max_tokens: 8, temperature: 0 });
const chunks = [];
const stream = await client.chat.completions.create({
  model: "auto", messages, max_tokens: 8, temperature: 0, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) chunks.push(chunk);
let error = "";
try {
  await client.chat.completions.create({ model: "no-such-model", messages });
} catch (raised) {
  error = raised.constructor.name;
}
process.stdout.write(JSON.stringify({
  text: answer.choices[0].message.content,
  tokens: answer.usage.completion_tokens,
  finish_reason: answer.choices[0].finish_reason,
  stream_text: chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.delta.content ?? "").join(""),
  stream_tokens: chunks.at(-1).usage.completion_tokens,
  stream_finish_reason: chunks.at(-2).choices[0].finish_reason,
  error,
}));
