package verify

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/actions/internal/games"
	"github.com/vegascore/vegascore/shared/fair"
	"github.com/vegascore/vegascore/shared/money"
)

var update = flag.Bool("update", false, "write testdata/*.json anew")

// example is a settled round of a game, from published seeds.
type example struct {
	name, rules, params string
	actions             []string
	stake               money.Amount
	seeds               *Seeds
	chain               *Chain
	staked, payout      money.Amount
	jackpot             money.Amount
}

func seeds(server, client string, nonce uint64) *Seeds {
	return &Seeds{ServerSeedHash: fair.Hash(server), ServerSeed: server, ClientSeed: client, Nonce: nonce}
}

func examples() []example {
	const gameHash = "9dd9a4ce539a7d11a36a96c71f3d939c46d972b2e56254bc85ea2c0681541dca"
	link := &Chain{Commitment: fair.Hash(fair.Hash(gameHash)), GameHash: gameHash, Salt: "23eb7069c6fc5b1369b92f5321af9f63", Steps: 2}
	cards := func(nonce uint64) *Seeds {
		return seeds("28ca8b5734401f5236ccb305e4526d07", "b42fa130a68dfe8133fa268d5fb34cbe", nonce)
	}
	field := seeds("5ff5c610e633b2a91c46d1be1f74286b", "854581b6f52eaa86503f1dc6433655f9", 1)
	return []example{
		{"dice", "dice/1", `{"direction":"under","target":5000}`, nil, 100, seeds("f2ac89b608eeb01312d115bce6741b32", "86ff027f15c48241af7f54a726690ee7", 0), nil, 100, 198, 0},
		{"plinko", "plinko/1", `{"risk":"low","rows":16}`, nil, 101, seeds("18e93f4a7b5b58d2569765766d1b6c3296bbd8430d6f20249044d72f14720159", "bb62964774", 1), nil, 101, 159, 0},
		{"slots", "slots/1", `{}`, nil, 100, cards(2), nil, 100, 70, 0},
		{"slots-free", "slots/1", `{}`, nil, 100, cards(0), nil, 100, 0, 0}, // the nonce is searched for
		{"slots-jackpot", "slots/1", `{}`, nil, 1_000_000, cards(727), nil, 1_000_000, 0, 777_000},
		{"mines", "mines/1", `{"mines":2}`, []string{`{"action":"reveal","tile":0}`, `{"action":"reveal","tile":24}`, `{"action":"cash_out"}`}, 1000, field, nil, 1000, 1173, 0},
		{"mines-lost", "mines/1", `{"mines":2}`, []string{`{"action":"reveal","tile":21}`}, 1000, field, nil, 1000, 0, 0},
		{"blackjack", "blackjack/1", `{}`, []string{`{"action":"stand"}`}, 100, cards(0), nil, 100, 0, 0},
		{"blackjack-double", "blackjack/1", `{}`, []string{`{"action":"double"}`}, 100, cards(0), nil, 200, 0, 0},
		{"roulette", "roulette/1", `{"bet":"split","numbers":[33,36]}`, nil, 100, seeds("f7b51b19a4563681f2c1e00ef747884a", "94ffb08138facf8cffa9c376d703aaed", 0), nil, 100, 1800, 0},
		{"crash", "crash/1", `{"auto":200}`, []string{`{"action":"end"}`}, 100, nil, link, 100, 200, 0},
		{"crash-by-hand", "crash/1", `{"auto":10000000}`, []string{`{"action":"cash_out","at_ms":30000}`}, 100, nil, link, 100, 604, 0},
	}
}

// bundle plays the example and makes its bundle, as a house does. Only what it pays is
// the example's own.
func (e example) bundle(t *testing.T) Bundle {
	t.Helper()
	g, err := games.Version(e.rules)
	if err != nil {
		t.Fatal(err)
	}
	actions := []json.RawMessage{}
	for _, a := range e.actions {
		actions = append(actions, json.RawMessage(a))
	}
	b := Bundle{
		Round: "019ab5a0-0000-7000-8000-000000000001", Game: g.Name, Rules: g.Rules, RulesHash: g.Hash, Seeds: e.seeds, Chain: e.chain,
		Params: json.RawMessage(e.params), Actions: actions, Asset: money.Play, Stake: e.stake, Staked: e.staked, Payout: e.payout,
	}
	draws, err := b.draws()
	if err != nil {
		t.Fatal(err)
	}
	if e.name == "slots-free" {
		draws = b.search(t, g)
	}
	r, err := g.Replay(b.Params, b.Actions, draws)
	if err != nil || !r.Over {
		t.Fatalf("%s: %v, over = %t", e.name, err, r.Over)
	}
	b.Outcome = r.View
	if len(b.Actions) > 0 || g.Shared {
		b.Postings = append(b.Postings, Posting{HoldPosting, e.stake})
	}
	if e.staked > e.stake {
		b.Postings = append(b.Postings, Posting{HoldPosting, e.staked - e.stake})
	}
	put := func() {
		if g.Name == "slots" {
			b.Postings = append(b.Postings, Posting{ContributionPosting, e.stake / 100})
		}
		if e.jackpot > 0 {
			b.Postings = append(b.Postings, Posting{JackpotPosting, e.jackpot})
		}
	}
	if len(b.Postings) > 0 {
		put()
	}
	b.Postings = append(b.Postings, Posting{StakePosting, e.staked})
	if b.Payout > 0 {
		b.Postings = append(b.Postings, Posting{PayoutPosting, b.Payout})
	}
	if b.Postings[0].Kind != HoldPosting {
		put()
	}
	return b
}

// search finds the first nonce that brings free spins, takes them all, and puts what
// they pay.
func (b *Bundle) search(t *testing.T, g games.Game) fair.Draws {
	t.Helper()
	s := *b.Seeds
	for ; ; s.Nonce++ {
		b.Seeds = &s
		draws, _ := b.draws()
		r, err := g.Replay(b.Params, nil, draws)
		if err != nil {
			t.Fatal(err)
		}
		if r.Over {
			continue
		}
		for !r.Over {
			a, err := g.Action([]byte(`{"action":"spin"}`))
			if err != nil {
				t.Fatal(err)
			}
			b.Actions = append(b.Actions, a.Text)
			if r, err = r.Act(a, draws); err != nil {
				t.Fatal(err)
			}
		}
		if b.Payout, err = b.Stake.Times(r.Pays); err != nil {
			t.Fatal(err)
		}
		again, _ := b.draws()
		return again
	}
}

func TestARoundOfEveryGameIsVerified(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, e := range examples() {
		seen[e.rules] = true
		text, err := e.bundle(t).Text()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", e.name+".json")
		if *update {
			if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(kept), string(text)+"\n"); diff != "" {
			t.Errorf("%s: the bundle is not the one kept (-kept +made):\n%s", e.name, diff)
		}
		r, err := Check(kept)
		if err != nil || !r.OK || len(r.Findings) != 5 || r.Staked != e.staked {
			t.Errorf("%s: %+v, %v", e.name, r, err)
		}
	}
	for _, g := range games.Versions() {
		if !seen[g.Rules] {
			t.Errorf("%s has no example", g.Rules)
		}
	}
}

// Every byte of a bundle of every game is changed, and in the first one each is left
// out, doubled, and moved by a space: nothing passes.
func TestAChangedByteAnywhereFails(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for n, e := range examples() {
		if seen[e.rules] {
			continue
		}
		seen[e.rules] = true
		t.Run(e.rules, func(t *testing.T) {
			t.Parallel()
			text, err := e.bundle(t).Text()
			if err != nil {
				t.Fatal(err)
			}
			passes := func(before []byte, middle string, after []byte) bool {
				r, err := Check(slices.Concat(before, []byte(middle), after))
				return err == nil && r.OK
			}
			if !passes(text, "", nil) {
				t.Fatal("the bundle itself fails")
			}
			for i, c := range text {
				if changed := string([]byte{c ^ 1<<(i%7)}); passes(text[:i], changed, text[i+1:]) {
					t.Errorf("byte %d: %q passes as %q", i, c, changed)
				}
				if n == 0 && (passes(text[:i], "", text[i+1:]) || passes(text[:i+1], string([]byte{c}), text[i+1:]) || passes(text[:i], " ", text[i:])) {
					t.Errorf("it passes with one byte less or more at %d, %q", i, c)
				}
			}
		})
	}
}

// A false bundle with a digest of its own is found out by what is recomputed.
func TestAFalseBundleWithANewDigestFails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		example, change string
		check           string // that fails
		by              func(*Bundle)
	}{
		{"dice", "payout", "money", func(b *Bundle) { b.Payout, b.Postings[1].Amount = 199, 199 }},
		{"dice", "payout beside its posting", "money", func(b *Bundle) { b.Payout = 199 }},
		{"blackjack-double", "staked beside its postings", "money", func(b *Bundle) { b.Staked = 100 }},
		{"dice", "payout without its posting", "money", func(b *Bundle) { b.Postings = b.Postings[:1] }},
		{"dice", "stake", "money", func(b *Bundle) { b.Stake = 1000 }},
		{"dice", "a stake of zero", "outcome", func(b *Bundle) { b.Stake = 0 }},
		{"dice", "asset", "outcome", func(b *Bundle) { b.Asset = "play" }},
		{"dice", "outcome", "outcome", func(b *Bundle) { b.Outcome = json.RawMessage(`{"roll":2806,"win":true,"multiplier":"1.9801"}`) }},
		{"dice", "params", "outcome", func(b *Bundle) { b.Params = json.RawMessage(`{"direction":"over","target":5000}`) }},
		{"dice", "params in another form", "outcome", func(b *Bundle) { b.Params = json.RawMessage(`{"target":5000,"direction":"under"}`) }},
		{"dice", "nonce", "outcome", func(b *Bundle) { b.Seeds.Nonce++ }},
		{"dice", "client seed", "outcome", func(b *Bundle) { b.Seeds.ClientSeed = "86ff" }},
		{"dice", "a client seed with a colon", "commitment", func(b *Bundle) { b.Seeds.ClientSeed = "86ff:1" }},
		{"dice", "server seed", "commitment", func(b *Bundle) { b.Seeds.ServerSeed = "f2ac" }},
		{"dice", "commitment", "commitment", func(b *Bundle) { b.Seeds.ServerSeedHash = fair.Hash("f2ac") }},
		{"dice", "no source of draws", "commitment", func(b *Bundle) { b.Seeds = nil }},
		{"dice", "two sources of draws", "commitment", func(b *Bundle) { b.Chain = &Chain{} }},
		{"dice", "rules", "rules", func(b *Bundle) { b.Rules = "dice/2" }},
		{"dice", "hash of the rules", "rules", func(b *Bundle) { b.RulesHash = fair.Hash("rules") }},
		{"dice", "name of the game", "rules", func(b *Bundle) { b.Game = "craps" }},
		{"dice", "an action", "outcome", func(b *Bundle) { b.Actions = []json.RawMessage{json.RawMessage(`{"action":"roll"}`)} }},
		{"mines", "an action less", "outcome", func(b *Bundle) { b.Actions = b.Actions[:2] }},
		{"mines", "an action more", "outcome", func(b *Bundle) { b.Actions = append(b.Actions, b.Actions[2]) }},
		{"mines", "another tile", "outcome", func(b *Bundle) { b.Actions[0] = json.RawMessage(`{"action":"reveal","tile":2}`) }},
		{"mines", "an action in another form", "outcome", func(b *Bundle) { b.Actions[0] = json.RawMessage(`{"tile":0,"action":"reveal"}`) }},
		{"blackjack-double", "a double for nothing", "money", func(b *Bundle) { b.Staked, b.Postings = 100, b.Postings[:1] }},
		{"crash", "salt", "outcome", func(b *Bundle) { b.Chain.Salt = "salt" }},
		{"crash", "steps", "commitment", func(b *Bundle) { b.Chain.Steps = 3 }},
		{"crash", "too many steps", "commitment", func(b *Bundle) { b.Chain.Steps = 1 << 40 }},
		{"crash", "game hash", "commitment", func(b *Bundle) { b.Chain.GameHash = fair.Hash(b.Chain.GameHash) }},
	} {
		all := examples() // anew: test.by changes its seeds
		i := slices.IndexFunc(all, func(e example) bool { return e.name == test.example })
		b := all[i].bundle(t)
		test.by(&b)
		text, err := b.Text()
		if err != nil {
			t.Fatal(err)
		}
		r, err := Check(text)
		if err != nil {
			t.Errorf("%s: %s: %v", test.example, test.change, err)
			continue
		}
		failed := false
		for _, f := range r.Findings {
			failed = failed || f.Check == test.check && !f.OK && f.Why != ""
		}
		if r.OK || !failed || !r.Findings[0].OK {
			t.Errorf("%s: %s: %+v; want %s to fail", test.example, test.change, r, test.check)
		}
	}
}

func TestWhatIsNoBundle(t *testing.T) {
	t.Parallel()
	text, err := examples()[0].bundle(t).Text()
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	for name, bad := range map[string]string{
		"empty":             "",
		"null":              "null",
		"a space more":      " " + good,
		"two line feeds":    good + "\n\n",
		"twice":             good + good,
		"another format":    strings.Replace(good, Format, "vegascore/round/2", 1),
		"a member more":     strings.Replace(good, "{", `{"extra":1,`, 1),
		"a member twice":    strings.Replace(good, "{", `{"round":"",`, 1),
		"an escaped letter": strings.Replace(good, `"dice"`, `"\u0064ice"`, 1),
		"a fraction":        strings.Replace(good, `"stake":100`, `"stake":100.0`, 1),
	} {
		if r, err := Check([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := Check([]byte(good + "\n")); err != nil {
		t.Errorf("with the line feed of a file: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("examples: %v, %v", files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Check(text)
		if err != nil || !r.OK {
			return
		}
		b, err := Read(text) // whoever makes a digest may make a true bundle of another round
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.Text()
		if err != nil || string(again) != strings.TrimSuffix(string(text), "\n") {
			t.Errorf("a bundle passes that is not in its one form: %s", text)
		}
	})
}
