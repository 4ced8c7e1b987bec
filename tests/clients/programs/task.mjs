// The task of every client in JavaScript: what task.py is for those in Python.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export const DESCRIPTION = "Weather of a city";
export const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
export const MOST_TURNS = 4;

// The tool of a task: notes the city and tells its weather.
export function getWeather(task, { city }) {
  task.cities.push(city);
  return task.weather[city];
}

function version(name) {
  const entry = createRequire(import.meta.url).resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(`node_modules/${name}/`));
  return JSON.parse(readFileSync(`${folder}node_modules/${name}/package.json`)).version;
}

// Does the tasks that standard input lists as JSON, and prints what became of them.
export async function main(loops, ...packages) {
  const tasks = JSON.parse(readFileSync(0));
  const seen = [];
  for (const given of tasks) {
    const task = { ...given, cities: [], thinking: "", text: "", error: "" };
    try {
      await loops[task.api](task);
    } catch (error) {
      task.error = String(error);
    }
    const { cities, thinking, text, error } = task;
    seen.push({ cities, thinking, text, error });
  }
  const versions = Object.fromEntries(packages.map((name) => [name, version(name)]));
  console.log(JSON.stringify({ versions, tasks: seen }));
}
