// The AI SDK by the provider that is installed here: complete, stream and fail; print what came of it.
import { generateText, streamText } from "ai";

const given = { baseURL: process.argv[2], apiKey: "unused" };
// OpenAI's calls the Responses API by default, Anthropic's Messages, and the last one chats.
const made = {
  "@ai-sdk/openai": (sdk) => sdk.createOpenAI(given),
  "@ai-sdk/anthropic": (sdk) => sdk.createAnthropic(given),
  "@ai-sdk/openai-compatible": (sdk) => sdk.createOpenAICompatible({ ...given, name: "tiergate", includeUsage: true }),
};
let provider;
for (const [name, make] of Object.entries(made)) {
  const sdk = await import(name).catch(() => null);
  if (sdk) provider = make(sdk);
}
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
