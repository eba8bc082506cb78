package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func env(t *testing.T, s *Service) map[string]string {
	t.Helper()
	_, body := get(t, s.URL+"/v1/env")
	var list []string
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, kv := range list {
		name, value, _ := strings.Cut(kv, "=")
		got[name] = value
	}
	return got
}

func runs(t *testing.T, address string) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM runs").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestASecondStartFindsDataKeysAndPorts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opts := Options{Dir: dir, Bin: fakes(t)}
	first := up(t, opts)
	if code, body := get(t, first.URL+"/ready"); code != 200 || strings.Count(body, `"ready":true`) != 5 {
		t.Errorf("ready: %d %s", code, body)
	}
	if code, body := get(t, first.URL+"/"); code != 200 || !strings.Contains(body, "<html") {
		t.Errorf("page: %d %.80s", code, body)
	}
	var pids []int
	for _, s := range first.Services() {
		pids = append(pids, s.Pid())
	}
	key, err := os.ReadFile(env(t, first.Service("actions"))["TOKEN_SIGNING_KEY_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	pids = append(pids, first.Postgres().Pid())
	down(t, first)
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d outlived its stack", pid)
		}
	}

	second := up(t, opts)
	if got := runs(t, second.DatabaseURL()); got != 2 {
		t.Errorf("the migration job ran %d times in this database, want 2", got)
	}
	if second.URL != first.URL || second.DatabaseURL() != first.DatabaseURL() || second.RedisURL() != first.RedisURL() {
		t.Errorf("addresses moved: %s %s %s", second.URL, second.DatabaseURL(), second.RedisURL())
	}
	for i, s := range second.Services() {
		if s.URL != first.Services()[i].URL {
			t.Errorf("%s moved to %s", s.Name, s.URL)
		}
	}
	if again, err := os.ReadFile(env(t, second.Service("actions"))["TOKEN_SIGNING_KEY_FILE"]); err != nil || string(again) != string(key) {
		t.Errorf("another token key (%v)", err)
	}
	down(t, second)

	opts.Reset = true
	if got := runs(t, up(t, opts).DatabaseURL()); got != 1 {
		t.Errorf("after a reset: %d runs, want 1", got)
	}
}

func TestEachServiceGetsWhatItNeedsAndNoMore(t *testing.T) {
	t.Parallel()
	s := up(t, Options{Env: map[string]map[string]string{"": {"ALL": "x"}, "realtime-2": {"ONLY": "y"}}})
	actions, events, realtime := env(t, s.Service("actions")), env(t, s.Service("events")), env(t, s.Service("realtime-2"))
	for _, c := range []struct {
		name string
		in   map[string]string
		want bool
	}{
		{"DATABASE_URL", actions, true}, {"DATABASE_URL", events, true}, {"DATABASE_URL", realtime, false},
		{"DIRECT_URL", actions, false},
		{"REDIS_URL", actions, true}, {"REDIS_URL", realtime, true}, {"REDIS_URL", events, false},
		{"TOKEN_SIGNING_KEY_FILE", actions, true}, {"TOKEN_SIGNING_KEY_FILE", realtime, false}, {"TOKEN_KEYS_FILE", realtime, true},
		{"PUBSUB_EMULATOR_HOST", actions, true}, {"PUSH_JWKS_FILE", events, true}, {"PUSH_JWKS_FILE", actions, true}, {"PUSH_JWKS_FILE", realtime, false},
		{"ACTIONS_URL", realtime, true}, {"ACTIONS_URL", actions, false}, {"GCE_METADATA_HOST", realtime, true},
		{"ALL", events, true}, {"ONLY", realtime, true}, {"ONLY", actions, false},
	} {
		if _, got := c.in[c.name]; got != c.want {
			t.Errorf("%s: there %v, want %v", c.name, got, c.want)
		}
	}
	if realtime["MAX_INSTANCES"] != "2" || actions["MAX_INSTANCES"] != "1" {
		t.Errorf("MAX_INSTANCES: realtime %s, actions %s", realtime["MAX_INSTANCES"], actions["MAX_INSTANCES"])
	}
	ports := map[string]bool{}
	for range 4 {
		_, port := get(t, s.URL+"/socket.io/")
		ports[port] = true
	}
	if len(ports) != 2 {
		t.Errorf("the door led to %d realtime containers", len(ports))
	}
}

func TestAFactReachesTheEventsFunctionsSigned(t *testing.T) {
	t.Parallel()
	s := up(t, Options{})
	publish(t, s.PubsubHost(), 3)
	await(t, "three signed pushes", func() bool { _, body := get(t, s.Service("events").URL+"/v1/pushes"); return body == "3" })
}

func publish(t *testing.T, host string, n int) {
	t.Helper()
	conn, err := grpc.NewClient(host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	request := &pubsubpb.PublishRequest{Topic: "projects/" + project + "/topics/" + factsTopic}
	for i := range n {
		request.Messages = append(request.Messages, &pubsubpb.PubsubMessage{Data: fmt.Append(nil, i), OrderingKey: "k"})
	}
	if _, err := pubsubpb.NewPublisherClient(conn).Publish(t.Context(), request); err != nil {
		t.Fatal(err)
	}
}

func TestAKilledServiceComesBackByItself(t *testing.T) {
	t.Parallel()
	s := up(t, Options{})
	service := s.Service("actions")
	before := service.Pid()
	if err := service.Kill(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := service.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("back after %s", time.Since(began))
	if service.Pid() == before || service.Deaths() != 1 {
		t.Errorf("pid %d, was %d; %d deaths", service.Pid(), before, service.Deaths())
	}
	if code, _ := get(t, s.URL+"/v1/env"); code != 200 {
		t.Errorf("through the door: %d", code)
	}
}

func TestAStoppedServiceStaysDownUntilStart(t *testing.T) {
	t.Parallel()
	s := up(t, Options{})
	service := s.Service("realtime-1")
	if _, err := service.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, _ := get(t, s.URL+"/ready"); code != 503 {
		t.Errorf("ready with one container down: %d", code)
	}
	for range 3 {
		if code, _ := get(t, s.URL+"/socket.io/"); code != 200 {
			t.Errorf("sockets with one container down: %d", code)
		}
	}
	if err := service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := service.Halt(); err != nil {
		t.Fatal(err)
	}
	if service.Running() {
		t.Error("a halted service runs")
	}
	if err := service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := service.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := service.Deaths(); got != 0 {
		t.Errorf("%d deaths that nobody asked for", got)
	}
}

func TestServersThatDieAreStartedAgain(t *testing.T) {
	t.Parallel()
	s := up(t, Options{Redis: RedisServer})
	for _, c := range []struct {
		name string
		pid  func() int
		kill func() error
		back func() bool
	}{
		{"PostgreSQL", s.Postgres().Pid, func() error { return s.Postgres().Kill(t.Context()) }, func() bool {
			conn, err := pgx.Connect(t.Context(), s.DatabaseURL())
			if err == nil {
				_ = conn.Close(t.Context())
			}
			return err == nil
		}},
		{"Redis", s.Redis().Pid, s.Redis().Kill, func() bool {
			conn, err := net.Dial("tcp", s.Redis().Addr())
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		}},
	} {
		before := c.pid()
		if err := c.kill(); err != nil {
			t.Fatal(err)
		}
		await(t, c.name+" is back", c.back)
		if c.pid() == before {
			t.Errorf("%s has its old process id", c.name)
		}
	}
}

func TestTheKeysOfTheEmbeddedRedisExpire(t *testing.T) {
	t.Parallel()
	s := up(t, Options{Redis: RedisEmbedded})
	if err := s.mini.Set("k", "v"); err != nil {
		t.Fatal(err)
	}
	s.mini.SetTTL("k", 100*time.Millisecond)
	await(t, "the end of the key", func() bool { return !s.mini.Exists("k") })
}

func TestAnEmulatorGetsTopicsAndSubscriptionsThatPushThroughTheGateway(t *testing.T) {
	t.Parallel()
	other := up(t, Options{}) // its server plays the emulator
	s := up(t, Options{PubsubEmulator: other.PubsubHost()})
	if s.Pubsub() != nil || s.PubsubHost() != other.PubsubHost() {
		t.Fatalf("the emulator is not used: %s", s.PubsubHost())
	}
	conn, err := grpc.NewClient(s.PubsubHost(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	sub, err := pubsubpb.NewSubscriberClient(conn).GetSubscription(t.Context(), &pubsubpb.GetSubscriptionRequest{Subscription: "projects/" + project + "/subscriptions/leaderboard"})
	if err != nil {
		t.Fatal(err)
	}
	if got := sub.PushConfig.PushEndpoint; !strings.HasSuffix(got, "/leaderboard") || strings.HasPrefix(got, s.Service("events").URL) {
		t.Errorf("endpoint %s, events at %s", got, s.Service("events").URL)
	}
	// The server of the other stack signs with another key; the gateway replaces that.
	publish(t, s.PubsubHost(), 2)
	await(t, "two signed pushes", func() bool { _, body := get(t, s.Service("events").URL+"/v1/pushes"); return body == "2" })
}

func TestAServiceThatCannotStartFailsTheStartWithItsWords(t *testing.T) {
	t.Parallel()
	bin := fakes(t)
	if err := os.Remove(bin + "/actions"); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho 'TOKEN_SIGNING_KEY_FILE: no such key' >&2\nexit 1\n"
	if err := os.WriteFile(bin+"/actions", []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Bin: bin, NoSync: true})
	if err == nil || !strings.Contains(err.Error(), "no such key") {
		t.Errorf("got %v", err)
	}
}

func TestAStartThatIsCancelledLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{Bin: fakes(t), NoSync: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
