package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vegascore/vegascore/services/realtime/socketio"
)

const (
	renewEvery   = 30 * time.Second // of the sessions of clients that are here
	sessionBatch = 256
	maxPID       = 64 // bytes of an id that a client may name
)

// sessions are the clients of this container that may come back to any other. Redis
// has them while they are here, since a container that is killed says no farewell.
//
// Each takeover raises a session's generation; who has a lower one has lost it.
type sessions struct {
	home string
	wake chan struct{} // holds one token: something is to be written

	mu      sync.Mutex
	byPID   map[string]*session
	queue   []*session // to be written
	scanned time.Time
}

// session is one of them; all is guarded by sessions.mu.
type session struct {
	socketio.Session
	generation uint64
	state      sessionState
	queued     bool
	saved      time.Time
	released   time.Time
}

type sessionState byte

const (
	sessionHere sessionState = iota
	sessionGone              // and may come back
	sessionOver
)

func (s *sessions) init(home string) {
	s.home, s.wake, s.byPID = home, make(chan struct{}, 1), map[string]*session{}
}

// Save implements socketio.Journal.
func (j *journal) Save(saved socketio.Session) {
	s := &j.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byPID[saved.PID]
	if e == nil {
		e = &session{generation: 1}
		s.byPID[saved.PID] = e
	}
	e.Session, e.state = saved, sessionHere
	s.enqueue(e)
}

// Release implements socketio.Journal.
func (j *journal) Release(pid string) { j.sessions.end(pid, sessionGone) }

// Forget implements socketio.Journal.
func (j *journal) Forget(pid string) { j.sessions.end(pid, sessionOver) }

func (s *sessions) end(pid string, state sessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byPID[pid]; e != nil && e.state != sessionOver {
		e.state, e.released, e.Moved = state, time.Now(), nil
		s.enqueue(e)
	}
}

// enqueue needs s.mu.
func (s *sessions) enqueue(e *session) {
	if e.queued {
		return
	}
	e.queued = true
	s.queue = append(s.queue, e)
	select {
	case s.wake <- struct{}{}:
	default: // the token is there already
	}
}

// saveAll has everything written again: Redis lost it.
func (s *sessions) saveAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.byPID {
		s.enqueue(e)
	}
}

// renew has sessions written before they run out in Redis.
func (s *sessions) renew(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.scanned) < time.Second {
		return
	}
	s.scanned = now
	for _, e := range s.byPID {
		if e.state == sessionHere && now.Sub(e.saved) > renewEvery {
			s.enqueue(e)
		}
	}
}

// take returns sessions to write, as they are now, with those that they are copies of.
func (s *sessions) take(window time.Duration) (copies []session, of []*session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.queue), sessionBatch)
	for _, e := range s.queue[:n] {
		e.queued = false
		switch {
		case s.byPID[e.PID] != e: // taken over since
		case e.state != sessionHere && time.Since(e.released) > window:
			delete(s.byPID, e.PID)
		default:
			copies, of = append(copies, *e), append(of, e)
		}
	}
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil
	}
	return copies, of
}

// flush writes what is queued. What fails stays queued.
func (s *sessions) flush(ctx context.Context, j *journal) error {
	for {
		copies, of := s.take(j.opts.window)
		if len(copies) == 0 {
			s.mu.Lock()
			left := len(s.queue)
			s.mu.Unlock()
			if left == 0 {
				return nil
			}
			continue
		}
		verdicts, err := j.writeSessions(ctx, copies)
		if err != nil {
			s.mu.Lock()
			for _, e := range of {
				s.enqueue(e)
			}
			s.mu.Unlock()
			return err
		}
		for i, e := range of {
			s.settle(e, copies[i], verdicts[i])
		}
	}
}

// settle notes what became of a session that was written.
func (s *sessions) settle(e *session, copied session, mine bool) {
	s.mu.Lock()
	e.saved = time.Now()
	current := s.byPID[e.PID] == e
	over := copied.state != sessionHere && e.state == copied.state
	if current && (over || !mine) {
		delete(s.byPID, e.PID)
	}
	moved := e.Moved
	s.mu.Unlock()
	if current && !mine && copied.state == sessionHere && moved != nil {
		moved()
	}
}

// writeSessions writes sessions in one round trip and says which are still this
// container's.
func (j *journal) writeSessions(ctx context.Context, copies []session) (mine []bool, err error) {
	for range 2 {
		pipe := j.client.Pipeline()
		cmds := make([]*redis.Cmd, len(copies))
		for i, c := range copies {
			ttl := j.opts.window
			switch c.state {
			case sessionHere:
				ttl += 2 * renewEvery
			case sessionOver:
				ttl = 0
			}
			cmds[i] = saveSession.EvalSha(ctx, pipe, []string{j.sessionKey(c.PID)}, j.sessions.fields(c, c.generation, ttl)...)
		}
		_, err = pipe.Exec(ctx)
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			if err = saveSession.Load(ctx, j.client).Err(); err == nil {
				continue
			}
		}
		if err != nil {
			return nil, fmt.Errorf("save %d sessions: %w", len(copies), err)
		}
		for _, cmd := range cmds {
			n, err := cmd.Int()
			if err != nil {
				return nil, fmt.Errorf("save sessions: %w", err)
			}
			mine = append(mine, n == 1)
		}
		return mine, nil
	}
	return nil, fmt.Errorf("save %d sessions: %w", len(copies), err)
}

func (j *journal) sessionKey(pid string) string { return j.room.Key("session:" + pid) }

// fields are the arguments of saveSession for a session of a generation, which becomes
// the next one when it is taken over.
func (s *sessions) fields(c session, next uint64, ttl time.Duration) []any {
	stays := make([][3]string, len(c.Stays))
	for i, stay := range c.Stays {
		stays[i] = [3]string{stay.Room, stay.Since, stay.Until}
	}
	text, err := json.Marshal(stays)
	if err != nil {
		text = []byte("[]") // texts can be encoded
	}
	return []any{c.generation, next, ttl.Milliseconds(), s.home, c.SID, c.Owner, c.Since, text}
}

// saveSession writes KEYS[1] unless somebody has a later generation. ARGV: generation
// that is known, the one to write, milliseconds to live (0: it ends now), home, then
// what is in a session. It returns 1 when the session is the caller's.
var saveSession = redis.NewScript(`
local stored = redis.call('HGET', KEYS[1], 'generation')
if stored and tonumber(stored) > tonumber(ARGV[1]) then return 0 end
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[1])
  return 1
end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'home', ARGV[4], 'sid', ARGV[5], 'owner', ARGV[6],
  'since', ARGV[7], 'stays', ARGV[8])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`)

// find reads a session; here it may be newer than in Redis.
func (j *journal) find(ctx context.Context, pid string) (session, error) {
	if pid == "" || len(pid) > maxPID {
		return session{}, fmt.Errorf("read session: %w", socketio.ErrNotRecoverable)
	}
	stored, err := j.client.HGetAll(ctx, j.sessionKey(pid)).Result()
	if err != nil {
		return session{}, fmt.Errorf("read session: %w", err)
	}
	generation, _ := strconv.ParseUint(stored["generation"], 10, 64) // 0 for none
	s := &j.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byPID[pid]; e != nil && e.generation >= generation {
		if e.state == sessionOver {
			return session{}, fmt.Errorf("read session: %w", socketio.ErrNotRecoverable)
		}
		return *e, nil
	}
	found := session{generation: generation}
	found.PID, found.SID, found.Owner, found.Since = pid, stored["sid"], stored["owner"], stored["since"]
	var stays [][3]string
	if generation == 0 || json.Unmarshal([]byte(stored["stays"]), &stays) != nil {
		return session{}, fmt.Errorf("read session: %w", socketio.ErrNotRecoverable)
	}
	for _, stay := range stays {
		found.Stays = append(found.Stays, socketio.Stay{Room: stay[0], Since: stay[1], Until: stay[2]})
	}
	return found, nil
}

// claim makes a session this container's, or says that somebody was faster.
func (j *journal) claim(ctx context.Context, found session) error {
	args := j.sessions.fields(found, found.generation+1, j.opts.window+2*renewEvery)
	n, err := saveSession.Run(ctx, j.client, []string{j.sessionKey(found.PID)}, args...).Int()
	switch {
	case err != nil:
		return fmt.Errorf("take over session: %w", err)
	case n != 1:
		return fmt.Errorf("take over session: somebody else has: %w", socketio.ErrNotRecoverable)
	}
	found.generation++
	found.state, found.queued, found.saved, found.Moved = sessionHere, false, time.Now(), nil
	s := &j.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byPID[found.PID] = &found
	return nil
}
