// The AI SDK by its provider for Anthropic: complete, stream and fail; print what came of it.
import { createAnthropic } from "@ai-sdk/anthropic";
import { generateText, streamText } from "ai";

const provider = createAnthropic({ baseURL: process.argv[2], apiKey: "unused" });
const asked = { model: provider("auto"), prompt: "Hello there", maxOutputTokens: 8, temperature: 0, maxRetries: 0 };
const answer = await generateText(asked);
const stream = streamText(asked);
const pieces = [];
for await (const piece of stream.textStream) pieces.push(piece);
let error = "";
try {
  await generateText({ ...asked, model: provider("no-such-model") });
} catch (raised) {
  error = `${raised.name} ${raised.statusCode}`;
}
process.stdout.write(JSON.stringify({
  text: answer.text,
  tokens: answer.usage.outputTokens,
  finish_reason: answer.finishReason,
  stream_text: pieces.join(""),
  stream_tokens: (await stream.usage).outputTokens,
  stream_finish_reason: await stream.finishReason,
  error,
}));
