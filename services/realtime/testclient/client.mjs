// Real socket.io clients driven over stdin: any number of named sockets in one process.
//
//   {"do":"connect","client":"a","url":"http://127.0.0.1:1","options":{"auth":{"token":"x"}}}
//   {"do":"emit","client":"a","event":"hi","args":[1],"ref":1,"timeout":500,"volatile":true}   ref = wait for the ack
//   {"do":"reply","client":"a","event":"hi","args":[1]}    what to answer when the server asks for an ack
//   {"do":"silent","client":"a","event":"hi"}              do not answer it; by default its arguments are echoed
//   {"do":"send","client":"a","text":"42[]"}               one Engine.IO message as it is
//   {"do":"claim","client":"a","pid":"...","offset":"..."}   what to come back with, as far as given
//   {"do":"state|disconnect|reconnect|cut|pause|resume","client":"a"}
//
// Lines out have "on": connect, connect_error, disconnect, event, reconnect_attempt, answer, error.
//   {"do":"namespace","client":"b","of":"a","name":"/admin","auth":{}}   another namespace over the connection of a
//   options: "transports":"default" leaves them out, as most programs do; "parser":"msgpack" and "authLater":{...} (auth as a function) stand for what JSON cannot say
import { io } from "socket.io-client";
import * as msgpack from "socket.io-msgpack-parser";
import { say, serve } from "./lines.mjs";

const clients = new Map();

function find({ client }) {
  const found = clients.get(client);
  if (!found) throw new Error(`no client ${client}`);
  return found;
}

function connect({ client, url, options: given }) {
  const { authLater, parser, ...options } = given ?? {};
  if (authLater) options.auth = (send) => setTimeout(() => send(authLater), 1);
  if (parser === "msgpack") options.parser = msgpack.default ?? msgpack;
  options.transports ??= ["websocket"];
  if (options.transports === "default") delete options.transports;
  follow(client, io(url, { forceNew: true, ...options }));
}

function follow(client, socket) {
  const replies = new Map();
  clients.set(client, { socket, replies });
  socket.on("connect", () => say({ on: "connect", client, id: socket.id, recovered: socket.recovered }));
  socket.on("connect_error", (err) => say({ on: "connect_error", client, message: err.message, data: err.data }));
  socket.on("disconnect", (reason) => say({ on: "disconnect", client, reason }));
  socket.io.on("reconnect_attempt", (attempt) => say({ on: "reconnect_attempt", client, attempt }));
  socket.onAny((event, ...args) => {
    const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
    say({ on: "event", client, event, args, wants_ack: ack !== undefined });
    if (!ack) return;
    const reply = replies.has(event) ? replies.get(event) : args;
    if (reply) ack(...reply);
  });
}

function transport(socket) {
  return socket.io.engine.transport;
}

serve({
  connect,
  namespace({ client, of, name, auth }) {
    follow(client, find({ client: of }).socket.io.socket(name, { auth }));
  },
  async emit(command) {
    let { socket } = find(command);
    const { event, args = [], ref, timeout, volatile } = command;
    if (volatile) socket = socket.volatile;
    if (ref === undefined) {
      socket.emit(event, ...args);
      return;
    }
    return new Promise((resolve, reject) => {
      if (timeout === undefined) {
        socket.emit(event, ...args, (...answer) => resolve(answer));
      } else {
        socket.timeout(timeout).emit(event, ...args, (err, ...answer) => (err ? reject(err) : resolve(answer)));
      }
    });
  },
  reply(command) {
    find(command).replies.set(command.event, command.args ?? []);
  },
  silent(command) {
    find(command).replies.set(command.event, null);
  },
  send(command) {
    find(command).socket.io.engine.send(command.text);
  },
  state(command) {
    const { socket } = find(command);
    return {
      connected: socket.connected,
      id: socket.id ?? null,
      transport: socket.io.engine?.transport?.name ?? null,
      recovered: socket.recovered,
      pid: socket._pid ?? null,
      offset: socket._lastOffset ?? null,
    };
  },
  claim(command) {
    const { socket } = find(command);
    if (command.pid !== undefined) socket._pid = command.pid;
    if (command.offset !== undefined) socket._lastOffset = command.offset;
  },
  disconnect(command) {
    find(command).socket.disconnect();
  },
  reconnect(command) {
    find(command).socket.connect();
  },
  // cut ends the transport as a lost network would: no close packet, the client reconnects by itself.
  cut(command) {
    const { socket } = find(command);
    transport(socket).ws ? transport(socket).ws.close() : socket.io.engine.close();
  },
  pause(command) {
    transport(find(command).socket).ws._socket.pause();
  },
  resume(command) {
    transport(find(command).socket).ws._socket.resume();
  },
});
