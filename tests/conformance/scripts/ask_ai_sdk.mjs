// The AI SDK by the provider that is installed here: does what `asking.py` says through the base URLs given.
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";

const given = JSON.parse(process.argv[2]);
// OpenAI's calls the Responses API by default, Anthropic's Messages, and the last one chats.
const made = {
  "@ai-sdk/openai": (sdk, at) => sdk.createOpenAI(at),
  "@ai-sdk/anthropic": (sdk, at) => sdk.createAnthropic(at),
  "@ai-sdk/openai-compatible": (sdk, at) =>
    sdk.createOpenAICompatible({ ...at, name: "tiergate", includeUsage: true, supportsStructuredOutputs: true }),
};
let provider;
for (const [name, make] of Object.entries(made)) {
  const sdk = await import(name).catch(() => null);
  if (sdk) provider = (url) => make(sdk, { baseURL: url, apiKey: "unused" });
}
const prompt = "Hello there";
const auto = { model: provider(given.real)(`auto${given.suffix}`), prompt, temperature: 0 };
const scripted = (name) => ({ model: provider(given.scripted)(name), prompt });
const brief = { ...auto, maxOutputTokens: given.tokens };

const answer = await generateText(brief);
const stream = streamText(brief);
const pieces = [];
for await (const piece of stream.textStream) pieces.push(piece);
const output = Output.object({ schema: jsonSchema(given.schema) });
// Else Anthropic's has a tool called with the object.
const providerOptions = { anthropic: { structuredOutputMode: "outputFormat" } };
const structured = await generateText({ ...auto, maxOutputTokens: given.enough, output, providerOptions }).then(
  (answered) => answered.output, (raised) => raised.text ?? String(raised),
);
let error = "";
try {
  await generateText(scripted("no-such-model"));
} catch (raised) {
  error = `${raised.name} ${raised.statusCode}`;
}

const towns = [];
const execute = async (called) => {
  towns.push(called);
  return "Sunny";
};
const weather = tool({ description: given.tool.description, inputSchema: jsonSchema(given.tool.parameters), execute });
const calling = { ...scripted(`weather${given.suffix}`), tools: { weather }, stopWhen: stepCountIs(2) };
const told = await generateText(calling);
await streamText(calling).consumeStream();
let left = 0;
// This is how it has a stream given up; one that is no longer read goes on.
const leaving = new AbortController();
const dripping = streamText({ ...scripted(`drips${given.suffix}`), abortSignal: leaving.signal, onError: () => {} });
for await (const _ of dripping.textStream) {
  left += 1;
  if (left === given.pieces) leaving.abort();
}
const retried = await generateText(scripted(`busy-first${given.suffix}`));
process.stdout.write(JSON.stringify({
  text: answer.text,
  tokens: answer.usage.outputTokens,
  finish_reason: answer.finishReason,
  stream_text: pieces.join(""),
  stream_tokens: (await stream.usage).outputTokens,
  stream_finish_reason: await stream.finishReason,
  structured,
  error,
  tool: towns[0],
  tool_finish_reason: told.steps[0].finishReason,
  tool_answer: told.text,
  stream_tool: towns[1],
  left,
  retried: retried.text,
}));
