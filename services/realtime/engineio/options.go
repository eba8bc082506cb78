package engineio

import (
	"log/slog"
	"net/http"
	"time"
)

// Options configure a Server. The zero value of a field means its default.
type Options struct {
	// Transports are the transports offered, "polling" and "websocket"; websocket
	// alone. With both, a polling session may upgrade.
	Transports []string
	// PingInterval is the time between a pong and the next ping; 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a client may take to answer a ping; 20 s.
	PingTimeout time.Duration
	// MaxPayload is the largest message, and the largest polling request,
	// that a client may send, in bytes; 1,000,000. A larger message closes the
	// websocket with code 1009, a larger request is refused with 413.
	MaxPayload int
	// UpgradeTimeout is how long a websocket may take to replace polling; 10 s.
	UpgradeTimeout time.Duration
	// QueueLimit is how many bytes may wait for a client that reads more slowly
	// than it is written to, with what it costs to keep them; 128 KiB, so that
	// such a client costs less than 256 KiB in all. One frame larger than that is
	// still taken when nothing waits, and then does not count. Beyond the limit
	// the session is cut with TransportError.
	QueueLimit int
	// SendBuffer is the size of the kernel's buffer for what a websocket is sent,
	// in bytes; 64 KiB, of which Linux makes twice that. Left to itself the kernel
	// takes 4 MB for a client that does not read.
	SendBuffer int
	// StallTimeout cuts a client for whom bytes wait and who takes none (fewer
	// than 32 KiB) for so long; 8 s.
	StallTimeout time.Duration
	// Origins are the pages, besides those of the server's own host, that may
	// connect, each as scheme://host[:port]; "*" allows every page. A listed
	// origin may also read the HTTP answers (CORS).
	Origins []string
	// Credentials lets the pages of listed origins send cookies and read the
	// answers to that. "*" lists none, so it never goes with credentials.
	Credentials bool
	// Cookie, when set, is the pattern of a cookie that every handshake sets to
	// the session's id, by which load balancers can keep a session at one server.
	// Empty fields are filled as in Node: name "io", path "/", SameSite Lax. It is
	// always HttpOnly, for the id is secret.
	Cookie *http.Cookie
	// Limits protect the server from its clients; none by default.
	Limits Limits
	// MaxAge is how old a session becomes; 0 for no end. It is then closed as in
	// a drain when it answers its next ping (so PingInterval and a little later),
	// and the client connects anew and goes on. Platforms end connections at some
	// age without a word.
	MaxAge time.Duration
	// MaxAgeJitter spreads those ends: each session's age ends at random in this
	// time before MaxAge.
	MaxAgeJitter time.Duration
	// AllowRequest, when set, decides over every handshake after the checks of
	// this package. A *Refusal is answered as it says, any other error with 403
	// and "Forbidden". It is called concurrently.
	AllowRequest func(*http.Request) error
	// Forwarder, when set, serves sessions across servers: a request for another
	// server's session is forwarded to it, and a websocket that is to carry one is
	// tunnelled. Without it every request of a polling session must reach the
	// server that opened it.
	Forwarder Forwarder
	// Logger receives panics of handlers; slog.Default.
	Logger *slog.Logger

	tally *tally // of the server
}

// withDefaults returns o with every unset field filled in.
func (o Options) withDefaults() Options {
	if len(o.Transports) == 0 {
		o.Transports = []string{transportWebsocket}
	}
	fill(&o.PingInterval, 25*time.Second)
	fill(&o.PingTimeout, 20*time.Second)
	fill(&o.MaxPayload, 1_000_000)
	fill(&o.UpgradeTimeout, 10*time.Second)
	fill(&o.QueueLimit, 128<<10)
	fill(&o.SendBuffer, 64<<10)
	fill(&o.StallTimeout, 8*time.Second)
	o.Limits.Bytes.Burst = max(o.Limits.Bytes.Burst, o.MaxPayload)
	o.MaxAgeJitter = min(max(o.MaxAgeJitter, 0), o.MaxAge)
	o.Cookie = filledCookie(o.Cookie)
	o.tally = new(tally)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func fill[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
