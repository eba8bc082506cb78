package stack

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Banner prints the table of addresses.
func (s *Stack) Banner(took time.Duration) {
	at := strings.TrimPrefix(s.URL, "http://")
	rows := []row{
		{"player page", s.URL, ""},
		{"websocket", "ws://" + at + "/socket.io/?EIO=4&transport=websocket", "Socket.IO 4 clients: io(\"" + s.URL + "\")"},
		{"HTTP API", s.URL + "/v1", "as a page: " + s.URL + "/v1/docs"},
		{"check a round", s.URL + "/verify/", "from its bundle, in the browser alone"},
		{"health", s.URL + "/health", "and /ready, /live: the worst of all services"},
	}
	if s.Console != "" {
		rows = append(rows, row{"console", s.Console, "for operators: all of it live; the token is behind the #"})
	}
	for _, service := range s.services {
		rows = append(rows, row{service.Name, service.URL, "internal: " + service.InternalURL + "/metrics"})
	}
	rows = append(rows,
		row{"PostgreSQL", redacted(s.vars.databaseURL, s.postgres == nil), s.kindOfPostgres()},
		row{"Redis", redacted(s.vars.redisURL, s.opts.RedisURL != ""), s.kindOfRedis()},
		row{"Pub/Sub", s.vars.pubsubHost, s.kindOfPubsub()},
		row{"logs", s.show(s.state.path("logs")), "all lines; here only warnings, all with LOGS=all"},
		row{"one service", fmt.Sprintf("(. %s; go run ./services/actions)", s.show(s.state.path("env"))), "with the variables of this stack"},
	)
	s.screen.table(fmt.Sprintf("VegasCore is up after %s. Ctrl-C ends it.", duration(took)), rows)
}

// redacted hides the password of a server that is not ours.
func redacted(address string, foreign bool) string {
	u, err := url.Parse(address)
	if err != nil {
		return "set, not a URL"
	}
	if foreign {
		return u.Redacted()
	}
	return address
}

func (s *Stack) kindOfPostgres() string {
	if s.postgres == nil {
		return "real: from DATABASE_URL"
	}
	return fmt.Sprintf("real: private PostgreSQL %d, data in %s", s.postgres.Version(), s.show(s.state.path("pg")))
}

func (s *Stack) kindOfRedis() string {
	switch {
	case s.redis != nil:
		return "real: private redis-server, data in " + s.show(s.state.path("redis"))
	case s.mini != nil:
		return "embedded: miniredis in this process, forgets at the end"
	default:
		return "real: from REDIS_URL"
	}
}

func (s *Stack) kindOfPubsub() string {
	if s.pubsub == nil {
		return "emulator: from PUBSUB_EMULATOR_HOST"
	}
	return "embedded: in this process"
}
