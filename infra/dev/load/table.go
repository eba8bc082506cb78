package load

import (
	"encoding/json"
	"sync"
	"time"
)

// memory is how many of the last events of a table are known by their bytes. All
// members of a room get the same bytes at about the same time, so nearly all of them
// are read once.
const memory = 2048

// event is one "round" event of a table, however often it was received.
type event struct {
	index   int // by first receipt of its event_id
	round   string
	player  int    // index of an own player, -1 for a stranger
	nonce   uint64 // of the player's round
	settled time.Time
}

// table is what the sockets at one table have heard together. Its methods may be
// called concurrently.
type table struct {
	id string

	mu      sync.RWMutex
	players map[string]int    // own players, by id
	bytes   map[string]*event // the last ones, by their packet
	events  map[string]*event // by event_id
	rounds  map[string]*event // by round
}

func newTable(id string) *table {
	return &table{id: id, players: map[string]int{}, bytes: map[string]*event{}, events: map[string]*event{}, rounds: map[string]*event{}}
}

// seat adds an own player, before the first bet.
func (t *table) seat(player string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.players[player] = len(t.players)
}

// read is the event in a packet; nil for one that is no round of this table.
func (t *table) read(packet []byte) *event {
	t.mu.RLock()
	e := t.bytes[string(packet)]
	t.mu.RUnlock()
	if e != nil {
		return e
	}
	var body []json.RawMessage // name, event, and the offset for recovery
	var round struct {
		ID        string    `json:"id"`
		Table     string    `json:"table"`
		EventID   string    `json:"event_id"`
		Nonce     uint64    `json:"nonce"`
		SettledAt time.Time `json:"settled_at"`
		Player    struct {
			ID string `json:"id"`
		} `json:"player"`
	}
	if json.Unmarshal(packet, &body) != nil || len(body) < 2 || json.Unmarshal(body[1], &round) != nil {
		return nil
	}
	if round.Table != t.id || round.EventID == "" || round.ID == "" {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e = t.events[round.EventID]
	if e == nil {
		player, own := t.players[round.Player.ID]
		if !own {
			player = -1
		}
		e = &event{index: len(t.events), round: round.ID, player: player, nonce: round.Nonce, settled: round.SettledAt}
		t.events[round.EventID], t.rounds[round.ID] = e, e
	}
	if len(t.bytes) >= memory {
		clear(t.bytes)
	}
	t.bytes[string(packet)] = e
	return e
}

// find is the event of a round; nil when nobody has received it.
func (t *table) find(round string) *event {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.rounds[round]
}

// ear is what one socket has heard at its table. heard is called from the goroutine
// that reads the socket, the rest after that has ended.
type ear struct {
	table *table
	had   []uint64 // bits by event.index
	last  []uint64 // nonce+1 of each own player's last round

	own, duplicated, unordered int
}

// heard notes an event and says whether it is new to this socket.
func (e *ear) heard(ev *event) bool {
	word, bit := ev.index/64, uint64(1)<<(ev.index%64)
	for len(e.had) <= word {
		e.had = append(e.had, 0)
	}
	if e.had[word]&bit != 0 {
		e.duplicated++
		return false
	}
	e.had[word] |= bit
	if ev.player < 0 {
		return true // a stranger may start a new seed pair, and the nonces with it
	}
	e.own++
	for len(e.last) <= ev.player {
		e.last = append(e.last, 0)
	}
	if ev.nonce+1 <= e.last[ev.player] {
		e.unordered++
	} else {
		e.last[ev.player] = ev.nonce + 1
	}
	return true
}

// missed counts the rounds that this socket did not hear of.
func (e *ear) missed(rounds []string) int {
	lost := 0
	for _, id := range rounds {
		ev := e.table.find(id)
		if ev == nil || ev.index/64 >= len(e.had) || e.had[ev.index/64]&(1<<(ev.index%64)) == 0 {
			lost++
		}
	}
	return lost
}
