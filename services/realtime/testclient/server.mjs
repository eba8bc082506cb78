// A Node socket.io server on a Redis adapter: the peer that our cluster must get on with.
//
//   REDIS_URL=redis://127.0.0.1:6379 node server.mjs [port] [options JSON]
//
// The options go to createAdapter (key, requestsTimeout, publishOnSpecificResponseChannel), or with
// "sharded":true to createShardedAdapter (channelPrefix, subscriptionMode).
// First line out: {"on":"listening","port":N,"uid":"..."}.
// Clients may emit join (room, ack), leave (room, ack) and publish (room, ...args, ack): publish
// goes to the room as event "publish". Commands on stdin, answered when they carry a "ref":
//
//   {"do":"emit","rooms":["r"],"except":["q"],"flags":{"volatile":true,"local":true,"timeout":500},"event":"hi","args":[1]}
//   {"do":"emit_with_ack", same fields}          value: the answers of all clients
//   {"do":"fetch","rooms":["r"]}                 value: [{id,rooms,data,handshake}]
//   {"do":"join|leave","rooms":["r"],"targets":["t"]}   {"do":"disconnect","rooms":["r"],"close":true}
//   {"do":"rooms"}  {"do":"count"}  {"do":"sockets"}  {"do":"server_emit","event":"e","args":[1],"ack":true}
//   {"do":"data","id":"...","value":{"a":1}}     what a socket of this server has as its data
//   {"do":"server_reply","args":["v"]}           what to answer to a server-side emit that wants an ack
//
// "nsp" in a command names a namespace other than "/"; it is created on first use.
import { createServer } from "node:http";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { say, serve } from "./lines.mjs";

const url = process.env.REDIS_URL;
if (!url) {
  console.error("set REDIS_URL");
  process.exit(2);
}

const pub = createClient({ url });
const sub = pub.duplicate();
for (const [name, client] of [["pub", pub], ["sub", sub]]) {
  client.on("error", (err) => say({ on: "redis_error", client: name, message: err.message }));
}
await Promise.all([pub.connect(), sub.connect()]);

const http = createServer();
const { sharded, ...options } = JSON.parse(process.argv[3] ?? "{}");
const io = new Server(http, { adapter: (sharded ? createShardedAdapter : createAdapter)(pub, sub, options) });
const namespaces = new Map();
let serverReply = ["ok"];

function open(name = "/") {
  if (namespaces.has(name)) return namespaces.get(name);
  const nsp = io.of(name);
  namespaces.set(name, nsp);
  nsp.on("connection", (socket) => {
    say({ on: "connection", nsp: name, id: socket.id });
    socket.on("join", (room, ack) => {
      socket.join(room);
      ack?.();
    });
    socket.on("leave", (room, ack) => {
      socket.leave(room);
      ack?.();
    });
    socket.on("publish", (room, ...args) => {
      const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
      nsp.to(room).emit("publish", ...args);
      ack?.();
    });
    socket.on("disconnect", (reason) => say({ on: "disconnect", nsp: name, id: socket.id, reason }));
  });
  nsp.on("server_event", (...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
    say({ on: "server_event", nsp: name, args, wants_ack: ack !== undefined });
    ack?.(...serverReply);
  });
  return nsp;
}

function target({ nsp, rooms = [], except = [], flags = {} }) {
  let op = open(nsp);
  if (flags.volatile) op = op.volatile;
  if (flags.local) op = op.local;
  if (flags.compress !== undefined) op = op.compress(flags.compress);
  if (flags.timeout !== undefined) op = op.timeout(flags.timeout);
  if (rooms.length > 0) op = op.to(rooms);
  if (except.length > 0) op = op.except(except);
  return op;
}

open("/");
await new Promise((listening) => http.listen(Number(process.argv[2] ?? 0), "127.0.0.1", listening));
say({ on: "listening", port: http.address().port, uid: io.of("/").adapter.uid });

serve(
  {
    open: (c) => void open(c.nsp),
    emit: (c) => void target(c).emit(c.event, ...(c.args ?? [])),
    emit_with_ack: (c) => target(c).emitWithAck(c.event, ...(c.args ?? [])),
    fetch: async (c) =>
      (await target(c).fetchSockets()).map(({ id, rooms, data, handshake }) => ({ id, rooms: [...rooms], data, handshake })),
    join: (c) => target(c).socketsJoin(c.targets),
    leave: (c) => target(c).socketsLeave(c.targets),
    disconnect: (c) => target(c).disconnectSockets(c.close),
    rooms: async (c) => [...(await open(c.nsp).adapter.allRooms())],
    sockets: async (c) => [...(await open(c.nsp).adapter.sockets(new Set(c.rooms ?? [])))],
    count: (c) => open(c.nsp).adapter.serverCount(),
    server_emit: (c) => {
      const nsp = open(c.nsp);
      if (!c.ack) return void nsp.serverSideEmit(c.event, ...(c.args ?? []));
      return nsp.serverSideEmitWithAck(c.event, ...(c.args ?? []));
    },
    data: (c) => {
      open(c.nsp).sockets.get(c.id).data = c.value;
    },
    server_reply: (c) => {
      serverReply = c.args ?? [];
    },
  },
  async () => {
    await io.close();
    await Promise.allSettled([pub.quit(), sub.quit()]);
  },
);
