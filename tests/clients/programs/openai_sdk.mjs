// OpenAI's SDK for Node, by its streaming helpers.

import OpenAI from "openai";
import { DESCRIPTION, MOST_TURNS, SCHEMA, getWeather, main } from "./task.mjs";

const FUNCTION = { name: "get_weather", description: DESCRIPTION, parameters: SCHEMA, strict: true };

const clientOf = (task) =>
  new OpenAI({ baseURL: `${task.base_url}/v1`, apiKey: task.key, maxRetries: 0 });

async function chatCompletions(task) {
  const messages = [{ role: "user", content: task.prompt }];
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const stream = clientOf(task).chat.completions.stream({
      model: task.model,
      messages,
      tools: [{ type: "function", function: FUNCTION }],
      reasoning_effort: "medium",
    });
    const { message } = (await stream.finalChatCompletion()).choices[0];
    task.thinking += message.reasoning_content ?? "";
    task.text = message.content ?? "";
    messages.push(message);
    for (const { id, function: call } of message.tool_calls ?? []) {
      const content = getWeather(task, JSON.parse(call.arguments));
      messages.push({ role: "tool", tool_call_id: id, content });
    }
    if (!message.tool_calls?.length) return;
  }
}

async function responses(task) {
  let input = [{ role: "user", content: task.prompt }];
  let before;
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const stream = clientOf(task).responses.stream({
      model: task.model,
      input,
      tools: [{ type: "function", ...FUNCTION }],
      reasoning: { effort: "medium", summary: "auto" },
      include: ["reasoning.encrypted_content"],
      store: task.stored,
      previous_response_id: before,
    });
    const { id, output, output_text: text } = await stream.finalResponse();
    if (task.stored) [before, input] = [id, []];
    else input.push(...output);
    task.text = text;
    const thoughts = output.filter((item) => item.type === "reasoning");
    task.thinking += thoughts.flatMap((item) => item.summary.map((part) => part.text)).join("");
    const calls = output.filter((item) => item.type === "function_call");
    for (const call of calls) {
      const result = getWeather(task, JSON.parse(call.arguments));
      input.push({ type: "function_call_output", call_id: call.call_id, output: result });
    }
    if (!calls.length) return;
  }
}

await main({ chat_completions: chatCompletions, responses }, "openai");
