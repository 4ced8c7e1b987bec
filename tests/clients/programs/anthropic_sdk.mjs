// Anthropic's SDK for Node, by its streaming helper.

import Anthropic from "@anthropic-ai/sdk";
import { DESCRIPTION, MOST_TURNS, SCHEMA, getWeather, main } from "./task.mjs";

async function messages(task) {
  const client = new Anthropic({ baseURL: task.base_url, apiKey: task.key, maxRetries: 0 });
  const history = [{ role: "user", content: task.prompt }];
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const stream = client.messages.stream({
      model: task.model,
      max_tokens: 8000,
      messages: history,
      tools: [{ name: "get_weather", description: DESCRIPTION, input_schema: SCHEMA }],
      thinking: { type: "enabled", budget_tokens: 2048 },
    });
    const { content } = await stream.finalMessage();
    history.push({ role: "assistant", content });
    const results = [];
    for (const block of content) {
      if (block.type === "thinking") task.thinking += block.thinking;
      if (block.type === "text") task.text = block.text;
      if (block.type !== "tool_use") continue;
      const result = getWeather(task, block.input);
      results.push({ type: "tool_result", tool_use_id: block.id, content: result });
    }
    if (!results.length) return;
    history.push({ role: "user", content: results });
  }
}

await main({ messages }, "@anthropic-ai/sdk");
