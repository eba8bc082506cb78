// Real engine.io clients driven over stdin: any number of named ones in one process.
//
//   {"do":"connect","client":"a","url":"http://127.0.0.1:1","options":{"transports":["polling"]}}
//   {"do":"send","client":"a","data":"hi"}        {"do":"send","client":"a","data":{"$bin":"AQID"}}
//   {"do":"flood","client":"a","size":100000,"count":5}     texts of so many characters, all at once
//   {"do":"close","client":"a"}
//
// Lines out have "on": open, upgrade, message (value: what was received), close, failure, answer, error.
// "event" is the name of the transport.
import { Socket } from "engine.io-client";
import { say, serve } from "./lines.mjs";

const clients = new Map();

function find({ client }) {
  const found = clients.get(client);
  if (!found) throw new Error(`no client ${client}`);
  return found;
}

serve({
  connect({ client, url, options = {} }) {
    const socket = new Socket(url, { path: "/socket.io/", ...options });
    socket.binaryType = "nodebuffer";
    clients.set(client, socket);
    socket.on("open", () => say({ on: "open", client, id: socket.id, event: socket.transport.name }));
    socket.on("upgrade", (transport) => say({ on: "upgrade", client, event: transport.name }));
    socket.on("error", (err) => say({ on: "failure", client, message: err.message }));
    socket.on("close", (reason) => say({ on: "close", client, reason }));
    socket.on("message", (value) => say({ on: "message", client, value, event: socket.transport.name }));
  },
  send(command) {
    find(command).send(command.data);
  },
  flood(command) {
    const socket = find(command);
    for (let i = 0; i < command.count; i++) socket.send(`${i} `.padEnd(command.size, "x"));
  },
  close(command) {
    find(command).close();
  },
});
