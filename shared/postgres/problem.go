package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vegascore/vegascore/shared/problem"
)

// SQLSTATE codes that mean something to this package.
const (
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeReadOnly      = "25006"
	codeIdleTooLong   = "25P03"
	codeNoTable       = "42P01"
	codeNoRight       = "42501"
	codeLockTimeout   = "55P03"
	codeCanceled      = "57014"
	codeDiskFull      = "53100"
)

// ErrUnknownOutcome says that the connection was lost while COMMIT was on its
// way: the transaction may be in the database or not. Repeating it under the same
// idempotency key is right in both cases.
var ErrUnknownOutcome = errors.New("outcome of the commit is unknown")

// Problem turns what the database did to a request into what its caller may see:
// 503 busy when the pool or a lock was taken for too long, 503 unavailable when
// the server is away, read-only, full, or out of connections. Other errors, also
// nil, are returned as they are.
func Problem(err error) error {
	var known *problem.Problem
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, ErrBusy) {
		return busy(err)
	}
	if errors.Is(err, ErrNoConnection) || errors.Is(err, ErrUnknownOutcome) || errors.Is(err, context.DeadlineExceeded) {
		return unavailable(err)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == codeLockTimeout, pg.Code == codeCanceled, retryable(pg.Code):
			return busy(err)
		case serverAway(pg.Code):
			return unavailable(err)
		}
		return err
	}
	if lost(err) {
		return unavailable(err)
	}
	return err
}

func busy(err error) error {
	return problem.New(0, problem.Busy, "The server is busy. Try again with the same key.").Because(err).After(time.Second)
}

func unavailable(err error) error {
	return problem.New(0, problem.Unavailable, "The server cannot answer now. Try again with the same key.").Because(err).After(time.Second)
}

// retryable reports whether the server rolled back only because of others.
func retryable(code string) bool { return code == codeSerialization || code == codeDeadlock }

// serverAway reports whether the server, not the statement, is the trouble:
// classes 08 (connection), 53 (resources) and 57P (shutdown, crash, starting up),
// a demoted server, a session that was cut.
func serverAway(code string) bool {
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57P") ||
		code == codeReadOnly || code == codeIdleTooLong
}

// lost reports whether err is a connection that could not be made or broke.
func lost(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed) || pgconn.SafeToRetry(err)
}
