package cluster

import (
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/socketio"
	"github.com/vegascore/vegascore/shared/broadcast"
)

// The targets of this file hand a container whatever may come over Redis, by each
// channel. It neither panics nor logs an error, sends its client nothing that clients
// refuse, and publishes only what others can read.

// questionID is that of the question that the container is waiting with.
const questionID = "SQEZA2SQEZA2"

// waiting has a container wait for the answers of one server to a question of any kind,
// while hand is called.
func (b *base) waiting(kind byte, hand func()) {
	k := socketio.AskSockets + socketio.QuestionKind(kind%byte(socketio.AskClients))
	b.asked.begin(questionID, newGathering(k, 1, func(socketio.Reply) {}))
	defer b.asked.end(questionID)
	hand()
}

// classicSeeds are messages of Node's servers, by the channel on which each comes.
var classicSeeds = map[byte][]string{
	2: {
		`{"uid":"a","requestId":"r","type":0,"rooms":["room1"]}`,
		`{"uid":"a","requestId":"r","type":1}`,
		`{"uid":"a","type":2,"opts":{"rooms":["room1"],"except":[]},"rooms":["r2",3]}`,
		`{"type":3,"opts":{"rooms":["room1"],"except":[]},"rooms":["r2"]}`,
		`{"uid":"a","type":4,"opts":{"rooms":["nobody"],"except":[]},"close":true}`,
		`{"uid":"a","requestId":"r","type":5,"opts":{"rooms":[],"except":[]}}`,
		`{"uid":"a","requestId":"r","type":6,"data":["sse",1,{"a":null}]}`,
		`{"uid":"a","type":6,"data":["sse"]}`,
		`{"uid":"a","type":6,"data":[ ]}`,
		`{"uid":"a","requestId":"r","type":7,"packet":{"type":2,"data":["hi",1]},"opts":{"rooms":["room1"],"flags":{"timeout":50}}}`,
	},
	3: {
		`{"requestId":"` + questionID + `","sockets":["sid",7]}`,
		`{"requestId":"` + questionID + `","rooms":["a",1]}`,
		`{"requestId":"` + questionID + `","sockets":[{"id":"s","handshake":{"headers":{"a":"b","c":["d"]},"time":"t","address":"::1","xdomain":true,"secure":false,"issued":1,"url":"/","query":{"EIO":"4"},"auth":{}},"rooms":["s"],"data":{"a":1}}]}`,
		`{"type":6,"requestId":"` + questionID + `","data":{"v":1}}`,
		`{"type":8,"requestId":"` + questionID + `","clientCount":1}`,
		`{"type":9,"requestId":"` + questionID + `","packet":[1]}`,
	},
}

func FuzzClassicMessage(f *testing.F) {
	for _, v := range vectors {
		raw, err := hex.DecodeString(v.hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(0), byte(0), raw)
		f.Add(byte(1), byte(0), raw)
	}
	for channel, texts := range classicSeeds {
		for i, text := range texts {
			f.Add(channel, byte(i), []byte(text))
			packed, err := broadcast.AppendMsgpack(nil, []byte(text))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(channel, byte(i), packed)
		}
	}
	s := newStage(f, func(c redis.UniversalClient, log *slog.Logger) *Redis {
		return NewRedis(c, c, Options{UID: "ours"}, log)
	})
	b := s.redis.any().wire.(*bus)
	f.Fuzz(func(t *testing.T, channel, kind byte, raw []byte) {
		payload := string(raw)
		if _, ok := broadcast.ParseTail(payload); ok {
			return // has its own targets; the log would be read
		}
		s.fill(t)
		b.waiting(kind, func() {
			switch channel % 4 {
			case 0:
				b.onBroadcast(b.channel, payload)
			case 1:
				b.onBroadcast(b.channel+"room1#", payload)
			case 2:
				b.onRequest(b.requests, payload)
			case 3:
				b.onRequest(b.answers, payload)
			}
		})
		for _, m := range s.published() {
			var a answer
			text, _, err := readJSON(string(m.payload))
			if err == nil {
				err = json.Unmarshal(text, &a)
			}
			if err != nil || m.channel != b.answers {
				t.Errorf("published %q on %s: %v", m.payload, m.channel, err)
			}
		}
		s.check(t)
	})
}

func FuzzShardedMessage(f *testing.F) {
	const head = `{"uid":"a","nsp":"/","type":`
	for i, text := range []string{
		head + `3,"data":{"packet":{"type":2,"data":["hi"]},"opts":{"rooms":["room1"],"except":[],"flags":{}}}}`,
		head + `3,"data":{"packet":{"type":5,"data":["hi",{"_placeholder":true,"num":0}]},"opts":{"rooms":[]}}}`,
		head + `3,"data":{"packet":{"type":2,"data":["hi"]},"opts":{"rooms":["room1"],"flags":{"timeout":50}},"requestId":"r"}}`,
		head + `4,"data":{"opts":{"rooms":["room1"],"except":[]},"rooms":["r2",3]}}`,
		head + `5,"data":{"opts":{"rooms":["room1"],"except":[]},"rooms":["r2"]}}`,
		head + `6,"data":{"opts":{"rooms":["nobody"],"except":[]},"close":true}}`,
		head + `7,"data":{"opts":{"rooms":[],"except":[]},"requestId":"r"}}`,
		head + `8,"data":{"requestId":"` + questionID + `","sockets":[{"id":"s","handshake":{"headers":{},"issued":1},"rooms":["s",1],"data":{}}]}}`,
		head + `9,"data":{"packet":["sse",1],"requestId":"r"}}`,
		head + `9,"data":{"packet":["sse",1]}}`,
		head + `10,"data":{"packet":{"v":1},"requestId":"` + questionID + `"}}`,
		head + `11,"data":{"clientCount":1,"requestId":"` + questionID + `"}}`,
		head + `12,"data":{"packet":1,"requestId":"` + questionID + `"}}`,
	} {
		f.Add(byte(i), []byte(text))
		packed, err := broadcast.AppendMsgpack(nil, []byte(text), []byte{1, 2})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), packed)
	}
	s := newStage(f, func(c redis.UniversalClient, log *slog.Logger) *Redis {
		return NewSharded(c, c, Dynamic, Options{UID: "6a9d0105d11b58c6"}, log)
	})
	b := s.redis.any().wire.(*shardedBus)
	f.Fuzz(func(t *testing.T, kind byte, raw []byte) {
		payload := string(raw)
		if _, ok := broadcast.ParseTail(payload); ok {
			return // has its own targets; the log would be read
		}
		s.fill(t)
		b.waiting(kind, func() { b.onMessage(b.channel, payload) })
		for _, m := range s.published() {
			if answer, err := decodeMessage(string(m.payload)); err != nil || answer.Nsp != "/" {
				t.Errorf("published %q on %s: %v", m.payload, m.channel, err)
			}
		}
		s.check(t)
	})
}
