// @socket.io/redis-emitter driven over stdin: emits to rooms from a process without clients.
//
//   REDIS_URL=redis://127.0.0.1:6379 node emitter.mjs
//
// First line out: {"on":"ready"}. Commands:
//   {"do":"emit","nsp":"/","rooms":["r"],"except":[],"flags":{"volatile":true},"event":"hi","args":[1],"ref":1}
//   {"do":"join|leave","rooms":["r"],"targets":["t"]}  {"do":"disconnect","rooms":["r"],"close":true}
//   {"do":"server_emit","event":"server_event","args":[1]}
import { Emitter } from "@socket.io/redis-emitter";
import { createClient } from "redis";
import { say, serve } from "./lines.mjs";

const url = process.env.REDIS_URL;
if (!url) {
  console.error("set REDIS_URL");
  process.exit(2);
}
const redis = createClient({ url });
redis.on("error", (err) => say({ on: "redis_error", message: err.message }));
await redis.connect();
const root = new Emitter(redis);

function target({ nsp, rooms = [], except = [], flags = {} }) {
  let op = nsp && nsp !== "/" ? root.of(nsp) : root;
  if (flags.volatile) op = op.volatile;
  if (flags.compress !== undefined) op = op.compress(flags.compress);
  if (rooms.length > 0) op = op.to(rooms);
  if (except.length > 0) op = op.except(except);
  return op;
}

// The emitter does not hand out its PUBLISH promise: a PING on the same
// connection is answered after it, so an answer means that Redis has the message.
const sent = () => redis.ping();

say({ on: "ready" });
serve(
  {
    emit: (c) => (target(c).emit(c.event, ...(c.args ?? [])), sent()),
    join: (c) => (target(c).socketsJoin(c.targets), sent()),
    leave: (c) => (target(c).socketsLeave(c.targets), sent()),
    disconnect: (c) => (target(c).disconnectSockets(c.close), sent()),
    server_emit: (c) => (target(c).serverSideEmit(c.event, ...(c.args ?? [])), sent()),
  },
  () => redis.quit(),
);
