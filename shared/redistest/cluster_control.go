package redistest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// seen is the master of a slot in the eyes of one node.
func (n *Nodes) seen(by *Instance, slot int64) *Instance {
	n.t.Helper()
	ctx, client, done := by.client()
	defer done()
	ranges, err := client.Do(ctx, "CLUSTER", "SLOTS").Slice()
	if err != nil {
		return nil
	}
	for _, r := range ranges { // first, last, master, replicas
		if part, _ := r.([]any); len(part) > 2 {
			first, _ := part[0].(int64)
			last, _ := part[1].(int64)
			if master, _ := part[2].([]any); first <= slot && slot <= last && len(master) > 1 {
				return n.at(fmt.Sprintf("%s:%d", master[0], master[1]))
			}
		}
	}
	return nil
}

func (n *Nodes) slot(key string) int64 {
	n.t.Helper()
	ctx, client, done := n.up().client()
	defer done()
	slot, err := client.ClusterKeySlot(ctx, key).Result()
	if err != nil {
		n.t.Fatal(err)
	}
	return slot
}

// up is any running node.
func (n *Nodes) up() *Instance {
	return n.all[slices.IndexFunc(n.all, func(i *Instance) bool { return !i.down })]
}

func (n *Nodes) at(address string) *Instance {
	k := slices.IndexFunc(n.all, func(i *Instance) bool { return i.Addr == address })
	if k < 0 {
		return nil
	}
	return n.all[k]
}

// Masters are the running nodes that are masters in their own eyes.
func (n *Nodes) Masters() (found []*Instance) {
	n.t.Helper()
	for _, i := range n.all {
		if !i.down && strings.HasPrefix(n.try(i, "ROLE"), "[master") {
			found = append(found, i)
		}
	}
	return found
}

// Move moves the slot of a key, with all keys in it, to another master, which it
// returns. Between the steps of the move it calls the functions during, if any: when
// the slot is declared as moving, and when its keys are moved but not the slot.
func (n *Nodes) Move(key string, during ...func()) *Instance {
	n.t.Helper()
	slot, from := n.slot(key), n.Owner(key)
	others := slices.DeleteFunc(n.Masters(), func(i *Instance) bool { return i == from })
	to := others[0]
	host, port, _ := strings.Cut(to.Addr, ":")
	n.do(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", n.do(from, "CLUSTER", "MYID"))
	n.do(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", n.do(to, "CLUSTER", "MYID"))
	if len(during) > 0 {
		during[0]()
	}
	for {
		ctx, client, done := from.client()
		keys, err := client.ClusterGetKeysInSlot(ctx, int(slot), 100).Result()
		done()
		if err != nil {
			n.t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		args := []any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}
		for _, k := range keys {
			args = append(args, k)
		}
		n.do(from, args...)
	}
	if len(during) > 1 {
		during[1]()
	}
	id := n.do(to, "CLUSTER", "MYID")
	n.do(to, "CLUSTER", "SETSLOT", slot, "NODE", id)
	n.do(from, "CLUSTER", "SETSLOT", slot, "NODE", id)
	n.await("all see the slot at its new node", func() bool { return n.agreed(slot) == to })
	return to
}

// Failover has the replica of the master that has a key's slot take over, without loss,
// and returns it.
func (n *Nodes) Failover(key string) *Instance {
	n.t.Helper()
	master := n.Owner(key)
	id := n.do(master, "CLUSTER", "MYID")
	for _, i := range n.all {
		if !i.down && i != master && strings.Contains(n.do(i, "CLUSTER", "NODES"), "myself,slave "+id) {
			var asked time.Time
			n.await("a replica takes over", func() bool {
				if time.Since(asked) > 2*time.Second { // the others may have refused to vote
					n.try(i, "CLUSTER", "FAILOVER")
					asked = time.Now()
				}
				return n.agreed(n.slot(key)) == i
			})
			return i
		}
	}
	n.t.Fatalf("no replica of %s", master.Addr)
	return nil
}

// Owner is the running master that has the slot of a key or channel; it waits until all
// running nodes agree on one.
func (n *Nodes) Owner(key string) (owner *Instance) {
	n.t.Helper()
	slot := n.slot(key)
	n.await("a running node has the slot", func() bool {
		owner = n.agreed(slot)
		return owner != nil
	})
	return owner
}

// agreed is the running node at which all running nodes see a slot; nil when they do
// not agree.
func (n *Nodes) agreed(slot int64) (owner *Instance) {
	n.t.Helper()
	for _, i := range n.all {
		if i.down {
			continue
		}
		at := n.seen(i, slot)
		if at == nil || at.down || owner != nil && at != owner {
			return nil
		}
		owner = at
	}
	return owner
}

// Revive starts or thaws all nodes that were killed or frozen, and waits until the
// cluster is whole.
func (n *Nodes) Revive() {
	n.t.Helper()
	for _, i := range n.all {
		switch {
		case i.frozen:
			i.Cont()
		case i.down:
			i.Start()
		}
	}
	n.AwaitWhole()
}
