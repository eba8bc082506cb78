package load

import "encoding/json"

// purse is a player's money: what the answers to bets say, what the balance events
// say, and the player's own arithmetic. bet is called by the goroutine that bets,
// told by the one that reads the socket, the rest after both have ended.
type purse struct {
	balance int64 // by own arithmetic
	wrong   int   // answers that disagree with it

	rounds   []string // answered, in order
	balances []int64  // after them
	told     []told
}

// told is a balance event.
type told struct {
	Balance int64  `json:"balance"`
	Round   string `json:"round"`
	EventID string `json:"event_id"`
}

// bet books the answer to a bet.
func (p *purse) bet(s settled) {
	p.balance += s.Round.Payout - s.Round.Stake
	if s.Round.Balance != p.balance {
		p.wrong++
		p.balance = s.Round.Balance // count one mistake once
	}
	p.rounds, p.balances = append(p.rounds, s.Round.ID), append(p.balances, p.balance)
}

// tell notes the arguments of a balance event and says whether they were one.
func (p *purse) tell(args json.RawMessage) bool {
	var all []json.RawMessage // the event, and the offset for recovery
	var one told
	if json.Unmarshal(args, &all) != nil || len(all) == 0 || json.Unmarshal(all[0], &one) != nil || one.EventID == "" {
		return false
	}
	p.told = append(p.told, one)
	return true
}

// judgement is what the events of a purse are worth.
type judgement struct{ lost, duplicated, unordered, wrong int }

// judge compares the events with the answers. whole says whether the socket was
// there all the time: if not, nothing counts as lost.
func (p *purse) judge(whole bool) judgement {
	at := make(map[string]int, len(p.rounds))
	for i, id := range p.rounds {
		at[id] = i
	}
	var j judgement
	had, last := make(map[string]bool, len(p.told)), -1
	heard := 0
	for _, t := range p.told {
		if had[t.EventID] {
			j.duplicated++
			continue
		}
		had[t.EventID] = true
		i, known := at[t.Round]
		if !known {
			continue // a bet whose answer never came
		}
		heard++
		if i < last {
			j.unordered++
		}
		last = max(last, i)
		if t.Balance != p.balances[i] {
			j.wrong++
		}
	}
	if whole {
		j.lost = max(len(p.rounds)-heard, 0)
	}
	j.wrong += p.wrong
	return j
}
