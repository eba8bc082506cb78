package redisconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

// mode is what stands at the addresses of a URL.
type mode int

const (
	single mode = iota
	sentinel
	clustered
)

// schemes are those that go-redis does not read, with the one that it reads instead.
var schemes = map[string]struct {
	mode mode
	read string
}{
	"redis-sentinel":  {sentinel, "redis"},
	"rediss-sentinel": {sentinel, "rediss"},
	"redis-cluster":   {clustered, "redis"},
	"rediss-cluster":  {clustered, "rediss"},
}

// address is a URL that was read.
type address struct {
	mode    mode
	options *redis.Options // of a connection to the data
	hosts   []string       // host:port of Sentinels or of nodes

	master       string // the name that the Sentinels know
	sentinelUser string
	sentinelPass string
}

// parse reads a URL. Its errors never show it.
func parse(text string) (address, error) {
	if text == "" {
		return address{}, ErrNoURL
	}
	a, err := read(text)
	if err != nil {
		if broken := new(url.Error); errors.As(err, &broken) {
			err = broken.Err // without the URL
		}
		return address{}, fmt.Errorf("read REDIS_URL: %w", err)
	}
	return a, nil
}

func read(text string) (a address, err error) {
	scheme, rest, _ := strings.Cut(text, "://")
	if known, ok := schemes[scheme]; ok {
		a.mode = known.mode
		if rest, err = a.cutHosts(rest); err != nil {
			return a, err
		}
		text = known.read + "://" + rest
	}
	u, err := url.Parse(text)
	if err != nil {
		return a, err
	}
	if a.mode == sentinel {
		name, db, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		if name == "" {
			return a, errors.New("name the master: redis-sentinel://host:port,host:port/master")
		}
		a.master, u.Path = name, db
	}
	// What go-redis does not know.
	query := u.Query()
	authorities := query.Get("ca_file")
	a.sentinelUser, a.sentinelPass = query.Get("sentinel_username"), query.Get("sentinel_password")
	query.Del("ca_file")
	if a.mode == sentinel {
		query.Del("sentinel_username")
		query.Del("sentinel_password")
	}
	u.RawQuery = query.Encode()
	if a.options, err = redis.ParseURL(u.String()); err != nil {
		return a, err
	}
	if a.mode == clustered && a.options.DB != 0 {
		return a, errors.New("a cluster has no database but 0")
	}
	if a.mode != single && a.options.TLSConfig != nil {
		a.options.TLSConfig.ServerName = "" // each node's own
	}
	if authorities != "" {
		if err := trust(a.options.TLSConfig, authorities); err != nil {
			return a, err
		}
	}
	bound(a.options)
	return a, nil
}

// cutHosts takes the list of hosts out of what follows the scheme, and leaves the first
// in its place.
func (a *address) cutHosts(rest string) (string, error) {
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	user, list := "", authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		user, list = authority[:i+1], authority[i+1:]
	}
	for i, host := range strings.Split(list, ",") {
		name, port, err := net.SplitHostPort(host)
		if err != nil || name == "" || port == "" {
			return "", fmt.Errorf("address %d of the list is not host:port", i+1)
		}
		a.hosts = append(a.hosts, host)
	}
	return user + a.hosts[0] + tail, nil
}

// trust has the authorities of a PEM file vouch for servers, and nobody else.
func trust(config *tls.Config, file string) error {
	if config == nil {
		return errors.New("ca_file without TLS: the scheme is rediss")
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read ca_file: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return errors.New("ca_file holds no certificate")
	}
	return nil
}
