package games

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/vegascore/vegascore/shared/fair"
)

// testdata/rules.golden has a line for every version of every game: the version, the
// hash of its sheet, and a hash of rounds that were played by it. A line never changes
// and never goes: other rules are a new version with a line of its own.
func TestNoVersionOfTheRulesChanges(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/rules.golden")
	if err != nil {
		t.Fatal(err)
	}
	golden := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		rules, _, _ := strings.Cut(line, " ")
		golden[rules] = strings.TrimSpace(line)
	}
	for _, g := range Versions() {
		got := fmt.Sprintf("%s %s %s", g.Rules, g.Hash, roundsOf(t, g))
		switch want, ok := golden[g.Rules]; {
		case !ok:
			t.Errorf("the new rules have no line in testdata/rules.golden; add:\n%s", got)
		case got != want:
			t.Errorf("the rules changed without a new version:\nthey are  %s\nthey were %s", got, want)
		}
		delete(golden, g.Rules)
	}
	for rules := range golden {
		t.Errorf("%s is gone: old rounds cannot be replayed without it", rules)
	}
}

// roundsOf is a hash over 300 rounds from a fixed seed, each with the actions of the
// samples from another one on.
func roundsOf(t *testing.T, g Game) string {
	t.Helper()
	s, ok := samples[g.Name]
	if !ok {
		t.Fatalf("%s has no samples to play", g.Name)
	}
	h := sha256.New()
	for nonce := range 300 {
		p, err := run(g, s.params[nonce%len(s.params)], fair.NewStream("00", "client", uint64(nonce)), func(i int) (string, bool) {
			return s.actions[(nonce+i)%len(s.actions)], i < 100
		})
		if err != nil {
			t.Fatalf("%s: %v", g.Rules, err)
		}
		fmt.Fprintf(h, "%s %s %s %s %s\n", p.params, p.actions, p.round.State, p.round.Staked, p.round.Pays)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func TestTheLastVersionOfAGameIsPlayedAndTheOthersCanBeReplayed(t *testing.T) {
	t.Parallel()
	v := catalogue(Game{Name: "a", Rules: "a/1"}, Game{Name: "b", Rules: "b/1"}, Game{Name: "a", Rules: "a/2"})
	if got := v.played["a"].Rules; got != "a/2" {
		t.Errorf("a is played by %s; want a/2", got)
	}
	for _, rules := range []string{"a/1", "a/2", "b/1"} {
		if v.versions[rules].Rules != rules {
			t.Errorf("%s cannot be found", rules)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a version is listed twice; want a panic")
		}
	}()
	catalogue(Game{Name: "a", Rules: "a/1"}, Game{Name: "a", Rules: "a/1"})
}

func TestEveryGameIsFoundByNameAndByVersion(t *testing.T) {
	t.Parallel()
	if got := len(Versions()); got != 7 {
		t.Errorf("%d versions of games; want 7", got)
	}
	for _, g := range Versions() {
		byName, err := Find(g.Name)
		byRules, alsoErr := Version(g.Rules)
		if err != nil || alsoErr != nil || byName.Name != g.Name || byRules.Hash != g.Hash || len(g.Hash) != 64 {
			t.Errorf("%s: found as %+v, %v and %+v, %v", g.Rules, byName, err, byRules, alsoErr)
		}
	}
	if _, err := Version("dice/0"); err == nil {
		t.Error("dice/0 is found")
	}
}
