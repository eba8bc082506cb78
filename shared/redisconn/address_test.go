package redisconn

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

func TestURLsAreRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		url, addr string
		db        int
		tls       bool
	}{
		{"redis://example.test", "example.test:6379", 0, false},
		{"redis://user:secret@example.test:1234/3", "example.test:1234", 3, false},
		{"rediss://example.test", "example.test:6379", 0, true},
		{"unix:///run/redis.sock", "/run/redis.sock", 0, false},
	} {
		client, ok := open(t, test.url).(*redis.Client)
		if !ok {
			t.Fatalf("%s is no client of one Redis", test.url)
		}
		opts := client.Options()
		if opts.Addr != test.addr || opts.DB != test.db || (opts.TLSConfig != nil) != test.tls {
			t.Errorf("%s = %s, database %d, TLS %t", test.url, opts.Addr, opts.DB, opts.TLSConfig != nil)
		}
		if !opts.ContextTimeoutEnabled || opts.MaxRetries != 0 || opts.ReadTimeout != IOTimeout {
			t.Errorf("%s: the bounds are missing: %+v", test.url, opts)
		}
	}
	a, err := parse("redis://example.test?read_timeout=3s&pool_size=4&max_retries=2")
	if err != nil || a.options.ReadTimeout != 3*time.Second || a.options.PoolSize != 4 || a.options.MaxRetries != 2 {
		t.Errorf("parameters were lost: %+v, %v", a.options, err)
	}
}

func TestSentinelURLsAreRead(t *testing.T) {
	t.Parallel()
	a, err := parse("rediss-sentinel://user:sec%2Fret@a.test:1,b.test:2,[::1]:3/casino/4?pool_size=7&sentinel_username=watch&sentinel_password=man")
	if err != nil {
		t.Fatal(err)
	}
	got := a.failover()
	if got.TLSConfig == nil || got.TLSConfig.ServerName != "" {
		t.Errorf("TLS = %+v; want it without a name for all", got.TLSConfig)
	}
	got.TLSConfig = nil
	want := &redis.FailoverOptions{
		MasterName: "casino", SentinelAddrs: []string{"a.test:1", "b.test:2", "[::1]:3"}, SentinelUsername: "watch", SentinelPassword: "man",
		Username: "user", Password: "sec/ret", DB: 4, Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true, MaxRetries: -1,
		DialTimeout: DialTimeout, DialerRetries: 1, ReadTimeout: IOTimeout, WriteTimeout: IOTimeout,
		PoolSize: 7, PoolTimeout: PoolTimeout, ConnMaxIdleTime: idle,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if _, ok := open(t, "redis-sentinel://a.test:1/casino").(*redis.Client); !ok {
		t.Error("no failover client")
	}
}

func TestClusterURLsAreRead(t *testing.T) {
	t.Parallel()
	client, ok := open(t, "redis-cluster://user:secret@a.test:1,b.test:2?pool_size=7").(*redis.ClusterClient)
	if !ok {
		t.Fatal("no cluster client")
	}
	got := client.Options()
	if diff := cmp.Diff([]string{"a.test:1", "b.test:2"}, got.Addrs); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	if got.Username != "user" || got.Password != "secret" || got.PoolSize != 7 || got.TLSConfig != nil || got.Protocol != 2 ||
		!got.ContextTimeoutEnabled || got.ReadTimeout != IOTimeout || got.PoolTimeout != PoolTimeout || got.DialTimeout != DialTimeout {
		t.Errorf("options: %+v", got)
	}
}

func TestBadURLsAreRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	if _, err := Open(""); !errors.Is(err, ErrNoURL) {
		t.Errorf("Open of nothing = %v; want %v", err, ErrNoURL)
	}
	for _, bad := range []string{
		"localhost:6379", "http://:secret@h", "redis://:secret@h:x", "redis://:secret@h/x", "redis://:secret@h?what=1", "redis://:se\x7fcret@h",
		"redis-sentinel://:secret@h:1,i:2", "redis-sentinel://:secret@h:1/", "redis-sentinel://:secret@h:1/casino/x", "redis-sentinel://:secret@h/casino",
		"redis-sentinel://:secret", "redis-sentinel://h:1,secret/casino", "redis-sentinel://:se\x7fcret@h:1/casino", "redis-sentinel://:secret@/casino",
		"redis-cluster://:secret@h:1/2", "redis-cluster://:secret@h:1,:2", "redis-cluster://:secret@h:1,i:", "redis-cluster://:secret@h:1?sentinel_password=x",
		"redis://:secret@h?ca_file=secret", "rediss://:secret@h?ca_file=address_test.go", "redis-clusters://:secret@h:1",
	} {
		_, err := Open(bad)
		if err == nil || strings.Contains(err.Error(), "cret") {
			t.Errorf("Open(%q) = %v; want an error that does not show the URL", bad, err)
		}
		if _, _, err := OpenPair(bad); err == nil {
			t.Errorf("OpenPair(%q) succeeded", bad)
		}
	}
}
