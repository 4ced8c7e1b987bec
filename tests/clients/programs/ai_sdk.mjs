// Vercel's AI SDK, with its models for all three APIs.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { DESCRIPTION, MOST_TURNS, getWeather, main } from "./task.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

async function run(task, model, providerOptions) {
  let failure;
  const result = streamText({
    model,
    providerOptions,
    prompt: task.prompt,
    maxRetries: 0,
    stopWhen: stepCountIs(MOST_TURNS),
    tools: {
      get_weather: tool({
        description: DESCRIPTION,
        inputSchema: z.object({ city: z.string() }),
        execute: (input) => getWeather(task, input),
      }),
    },
    onError: ({ error }) => (failure = error),
  });
  await result.consumeStream();
  if (failure) throw failure;
  task.thinking = (await result.steps).map((step) => step.reasoningText ?? "").join("");
  task.text = await result.text;
}

const openai = (task) => createOpenAI({ baseURL: `${task.base_url}/v1`, apiKey: task.key });

const chatCompletions = (task) =>
  run(task, openai(task).chat(task.model), { openai: { reasoningEffort: "medium" } });

const responses = (task) =>
  run(task, openai(task)(task.model), {
    openai: {
      reasoningEffort: "medium",
      reasoningSummary: "auto",
      include: ["reasoning.encrypted_content"],
      store: task.stored,
    },
  });

function messages(task) {
  const anthropic = createAnthropic({ baseURL: `${task.base_url}/v1`, apiKey: task.key });
  const thinking = { type: "enabled", budgetTokens: 2048 };
  return run(task, anthropic(task.model), { anthropic: { thinking } });
}

await main(
  { chat_completions: chatCompletions, responses, messages },
  "ai",
  "@ai-sdk/openai",
  "@ai-sdk/anthropic",
);
