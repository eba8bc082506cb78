package stack

import (
	"cmp"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/vegascore/vegascore/infra/dev/pubsub"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// decided are the variables of services that the stack sets, for some of them: what
// the caller's environment says about them does not reach a service.
var decided = map[string]bool{
	"PORT": true, "INTERNAL_ADDR": true, "LOCAL_ONLY": true, "FUNCTION_TARGET": true,
	"DATABASE_URL": true, "DIRECT_URL": true, "REDIS_URL": true, "ADAPTER": true,
	"TOKEN_SIGNING_KEY": true, "TOKEN_SIGNING_KEY_FILE": true, "TOKEN_KEYS": true, "TOKEN_KEYS_FILE": true,
	"GOOGLE_CLOUD_PROJECT": true, "FACTS_TOPIC": true, "PUBSUB_EMULATOR_HOST": true,
	"PUSH_AUDIENCE": true, "PUSH_EMAIL": true, "PUSH_ISSUER": true, "PUSH_JWKS_FILE": true, "PUSH_JWKS_URL": true,
	"ACTIONS_URL": true, "ACTIONS_AUDIENCE": true, "GCE_METADATA_HOST": true, "GOOGLE_APPLICATION_CREDENTIALS": true,
	"SERVICES": true, "SERVICES_IDENTITY": true, "SWEEP_TIMEOUT": true, "CONSOLE_TOKEN": true,
	"MAX_INSTANCES": true, "LOG_FORMAT": true, "RESET": true, "LOGS": true, envMark: true,
}

// Names of the local Pub/Sub project and of the identity that pushes.
const (
	project      = "vegascore-local"
	factsTopic   = "facts"
	deadTopic    = "facts-dead"
	pushIssuer   = "https://accounts.vegascore.local"
	pushEmail    = "push@vegascore-local.iam.gserviceaccount.com"
	pushAudience = "https://events.vegascore.local"
)

// consumers are the functions of the events service, each with its subscription.
var consumers = []string{"leaderboard", "tournaments"}

// subscriptions are the push subscriptions for an events service at base.
func subscriptions(base string) []pubsub.Subscription {
	var all []pubsub.Subscription
	for _, name := range consumers {
		all = append(all, pubsub.Subscription{
			Name: name, Topic: factsTopic, Endpoint: base + "/push/" + name,
			Audience: pushAudience, Email: pushEmail, // unordered: the consumers do not mind
			MinBackoff: 100 * time.Millisecond, MaxBackoff: 5 * time.Second,
			DeadLetter: deadTopic, MaxAttempts: 100,
		})
	}
	return all
}

// variables are those of every service by name, for the env file and the processes.
type variables struct {
	databaseURL, directURL, redisURL, pubsubHost string
	adapter                                      broadcast.Adapter
	keys                                         string // folder
	metadata                                     string // host:port of what gives identity tokens
	actionsURL                                   string
}

func (v variables) database() map[string]string {
	return map[string]string{"DATABASE_URL": v.databaseURL}
}

func (v variables) redis() map[string]string {
	return map[string]string{"REDIS_URL": v.redisURL, "ADAPTER": cmp.Or(string(v.adapter), string(broadcast.Classic))}
}

func (v variables) tokens() map[string]string {
	return map[string]string{"TOKEN_KEYS_FILE": filepath.Join(v.keys, "token-jwks.json")}
}

func (v variables) signing() map[string]string {
	return map[string]string{"TOKEN_SIGNING_KEY_FILE": filepath.Join(v.keys, "token.jwk")}
}

func (v variables) facts() map[string]string {
	return map[string]string{"GOOGLE_CLOUD_PROJECT": project, "FACTS_TOPIC": factsTopic, "PUBSUB_EMULATOR_HOST": v.pubsubHost}
}

func (v variables) push() map[string]string {
	return map[string]string{
		"PUSH_AUDIENCE": pushAudience, "PUSH_EMAIL": pushEmail, "PUSH_ISSUER": pushIssuer,
		"PUSH_JWKS_FILE": pubsub.JWKSFile(v.keys),
	}
}

// calls are the variables of a service that calls actions.
func (v variables) calls() map[string]string {
	return map[string]string{
		"ACTIONS_URL": v.actionsURL, "ACTIONS_AUDIENCE": actionsAudience, "GCE_METADATA_HOST": v.metadata,
		"HOME": v.keys, // where a developer's own credentials are not found
	}
}

// called are those of actions, which checks who calls.
func (v variables) called() map[string]string {
	m := v.push()
	m["PUSH_AUDIENCE"] = actionsAudience
	return m
}

// deployable is a binary and the variables that its containers need.
type deployable struct {
	name      string
	count     int // containers; more than one are numbered
	variables func(v variables) []map[string]string
}

func deployables(realtime int) []deployable {
	return []deployable{
		{"events", 1, func(v variables) []map[string]string {
			return []map[string]string{v.database(), v.push()}
		}},
		{"actions", 1, func(v variables) []map[string]string {
			return []map[string]string{v.database(), v.redis(), v.tokens(), v.signing(), v.facts(), v.called()}
		}},
		{"realtime", realtime, func(v variables) []map[string]string {
			return []map[string]string{v.redis(), v.tokens(), v.calls()}
		}},
	}
}

// newServices prepares all containers; none is started.
func (s *Stack) newServices(v variables) error {
	for _, d := range deployables(s.opts.Realtime) {
		for n := range d.count {
			name := d.name
			if d.count > 1 {
				name = fmt.Sprintf("%s-%d", d.name, n+1)
			}
			if err := s.newService(name, d, v); err != nil {
				return err
			}
		}
		if d.name == "actions" { // those that come later call it
			v.actionsURL = s.Service(d.name).URL
			s.vars.actionsURL = v.actionsURL
		}
	}
	return nil
}

func (s *Stack) newService(name string, d deployable, v variables) error {
	port, err := s.state.port(name)
	if err != nil {
		return err
	}
	internal, err := s.state.port(name + " internal")
	if err != nil {
		return err
	}
	file, err := s.state.logFile(name)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, file.Close)
	internalAddr := "127.0.0.1:" + strconv.Itoa(internal)
	own := map[string]string{
		"PORT": strconv.Itoa(port), "INTERNAL_ADDR": internalAddr, "LOCAL_ONLY": "1", "LOG_FORMAT": "json",
		"MAX_INSTANCES": strconv.Itoa(d.count),
	}
	maps := append([]map[string]string{own}, d.variables(v)...)
	s.services = append(s.services, &Service{
		Name: name, URL: "http://127.0.0.1:" + strconv.Itoa(port), InternalURL: "http://" + internalAddr, LogFile: file.Name(),
		binary: filepath.Join(s.bin, d.name), env: environment(append(maps, s.opts.Env[""], s.opts.Env[name])...),
		out:    &lineWriter{service: name, file: file, screen: s.logs, all: s.opts.AllLogs, raw: s.opts.RawLogs},
		screen: s.screen, client: &http.Client{Transport: s.transport},
		changed: make(chan struct{}), done: make(chan struct{}),
	})
	return nil
}
