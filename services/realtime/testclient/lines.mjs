// One JSON document a line, both ways: commands come in on stdin, what happened
// goes out on stdout. Bytes travel as {"$bin":"<base64>"}, dates in commands as {"$date":"<ISO>"}.
import { createInterface } from "node:readline";

export function pack(value) {
  if (value instanceof ArrayBuffer) return { $bin: Buffer.from(value).toString("base64") };
  if (ArrayBuffer.isView(value)) {
    return { $bin: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  if (Array.isArray(value)) return value.map(pack);
  if (value && typeof value === "object" && !(value instanceof Date)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, pack(inner)]));
  }
  return value;
}

export function unpack(value) {
  if (Array.isArray(value)) return value.map(unpack);
  if (value && typeof value === "object") {
    if (typeof value.$bin === "string") return Buffer.from(value.$bin, "base64");
    if (typeof value.$date === "string") return new Date(value.$date);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unpack(inner)]));
  }
  return value;
}

export function say(message) {
  process.stdout.write(JSON.stringify(pack(message)) + "\n");
}

// serve runs one handler per command, named by its "do" field, until stdin ends.
// A command with a "ref" is answered by a line with the same ref.
export async function serve(handlers, closing = async () => {}) {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    if (line.trim() === "") continue;
    const command = unpack(JSON.parse(line));
    run(handlers[command.do], command);
  }
  await closing();
  process.exit(0);
}

async function run(handler, command) {
  try {
    if (!handler) throw new Error(`unknown command ${command.do}`);
    const value = await handler(command);
    if (command.ref !== undefined) say({ on: "answer", ref: command.ref, value: value ?? null });
  } catch (err) {
    say({ on: "error", ref: command.ref, do: command.do, message: String(err?.message ?? err), args: err?.responses });
  }
}
