// Package web is the HTTP side of every service: strict JSON in (see strictjson),
// JSON or a problem document out, the headers that every reply carries, and a server that
// ends without dropping a request.
//
// A service builds its handlers as func(w, r) error with Handle, routes them
// with Mux, wraps them once with Stack and runs them with NewServer and Serve.
//
// What net/http itself refuses before any handler runs (an unreadable request
// line, conflicting Content-Length and Transfer-Encoding) is answered with its
// own bare 400, the only reply without the security headers.
package web
