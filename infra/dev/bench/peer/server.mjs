// A Node socket.io server that does what services/realtime/cmd/fanout does: the peer
// of the broadcast figures.
//
//   node server.mjs FOLDER [redis://...]
//
// FOLDER is one whose node_modules holds socket.io, and the adapter and redis when a
// Redis is given. The first line of output says where it listens.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, redis] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { Server } = require("socket.io");

const options = {};
if (redis) {
  const pub = require("redis").createClient({ url: redis });
  const sub = pub.duplicate();
  await Promise.all([pub.connect(), sub.connect()]);
  options.adapter = require("@socket.io/redis-adapter").createAdapter(pub, sub);
}
const http = createServer((request, response) => {
  if (request.url === "/gc") {
    for (let i = 0; i < 3; i++) global.gc?.(); // node --expose-gc
    response.end();
  }
});
const io = new Server(http, options);
io.on("connection", (socket) => {
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack?.();
  });
  socket.on("publish", (room, body, ack) => {
    io.to(room).emit("publish", body);
    ack?.();
  });
});
http.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
process.on("SIGTERM", () => process.exit(0));
