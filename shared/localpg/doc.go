// Package localpg runs a private PostgreSQL cluster from the server binaries that
// are installed on this machine: for the local stack and for tests. It downloads
// nothing and needs no rights beyond those of the caller.
//
// PostgreSQL refuses to run as root. For root, initdb and postgres run in a user
// namespace in which root appears as an ordinary user, so that files stay root's
// and folders under /root work; where namespaces are forbidden they run as nobody.
//
// A cluster listens on a free port of 127.0.0.1, has no unix socket, and ends with
// the process that started it, however that one ends (package child).
package localpg
