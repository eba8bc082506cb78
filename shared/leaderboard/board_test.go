package leaderboard

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
)

func TestAWeekIsFromMondayToSundayUTC(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	monday := time.Date(2026, 12, 28, 0, 0, 0, 0, time.UTC) // week 53 of 2026
	sunday := time.Date(2027, 1, 3, 23, 59, 59, 0, time.UTC)
	err := apply(t.Context(), pool,
		settled(1, "Al", 1, 2, monday.Add(-time.Microsecond)),
		settled(1, "Al", 1, 4, monday),
		settled(1, "Al", 1, 8, sunday),
		settled(1, "Al", 1, 16, sunday.Add(time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time]money.Amount{
		monday.Add(-time.Hour): 1, monday: 10, monday.AddDate(0, 0, 3): 10, sunday: 10, sunday.Add(time.Hour): 15,
	} {
		b := Board{Period: Weekly, By: Net, At: at, Asset: money.Play}
		got, err := Top(t.Context(), pool, b, 5)
		if err != nil || len(got) != 1 || got[0].Net != want {
			t.Errorf("board by %s = %+v, %v; want one entry with net %d", b, got, err, want)
		}
	}
	if got := (Board{Period: Weekly, At: sunday}).First(); !got.Equal(monday) {
		t.Errorf("first day = %s; want %s", got, monday)
	}
}

func TestEachMeasureHasItsOrder(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	split := settled(1, "Al", 100, 300, noon) // with two splits it has cost thrice the stake
	split.Staked = 300
	rounds := []event.RoundSettled{
		split,
		settled(2, "Bo", 100, 250, noon.Add(2*time.Second)),
		settled(2, "Bo", 40, 100, noon.Add(time.Second)), // the same multiplier, earlier
		settled(3, "Cy", 100, 250, noon.Add(time.Minute)),
		settled(4, "Di", 300, 0, noon),
		settled(5, "Ed", 3, 10, noon),
	}
	if err := apply(t.Context(), pool, rounds...); err != nil {
		t.Fatal(err)
	}
	for by, want := range map[Measure][]string{
		Net:        {"Bo", "Cy", "Ed", "Al", "Di"}, // 210, 150, 7, 0, -300
		Wagered:    {"Al", "Di", "Bo", "Cy", "Ed"}, // 300, 300, 140, 100, 3
		Multiplier: {"Ed", "Bo", "Cy", "Al", "Di"}, // 3.3333, 2.5 earlier, 2.5, 1, 0
	} {
		for _, period := range []Period{Daily, Weekly} {
			b := Board{Period: period, By: by, At: noon, Asset: money.Play}
			got, err := Top(t.Context(), pool, b, 10)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for i, e := range got {
				names = append(names, e.Player.Name)
				place, err := Place(t.Context(), pool, b, e.Player.ID)
				if diff := cmp.Diff(&got[i], place); diff != "" || err != nil {
					t.Errorf("place of %s by %s (-top +place): %v\n%s", e.Player.Name, b, err, diff)
				}
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("board by %s (-want +got):\n%s", b, diff)
			}
		}
	}
	b := Board{Period: Daily, By: Multiplier, At: noon, Asset: money.Play}
	got, err := Top(t.Context(), pool, b, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []*Best{{33_333, rounds[5].Round, noon}, {25_000, rounds[2].Round, noon.Add(time.Second)}}
	if diff := cmp.Diff(want, []*Best{got[0].Best, got[1].Best}); diff != "" {
		t.Errorf("best rounds (-want +got):\n%s", diff)
	}
	if place, err := Place(t.Context(), pool, b, uuid.New()); place != nil || err != nil {
		t.Errorf("place of a stranger = %+v, %v; want none", place, err)
	}
}

// A round counts once, also when it comes as another fact.
func TestARoundCountsOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	round := settled(1, "Al", 100, 250, noon)
	if err := apply(t.Context(), pool, round, round); err != nil {
		t.Fatal(err)
	}
	if err := apply(t.Context(), pool, round); err != nil {
		t.Fatal(err)
	}
	if got := top(t, pool, noon, money.Play, 5); len(got) != 1 || got[0].Rounds != 1 || got[0].Staked != 100 {
		t.Errorf("board = %+v; want the round once", got)
	}
}

func TestThereIsNoOtherBoard(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	for _, b := range []Board{{Period: "month", By: Net}, {Period: Daily, By: "losses"}, {}} {
		if got, err := Top(t.Context(), pool, b, 5); err == nil {
			t.Errorf("board by %s = %v; want an error", b, got)
		}
	}
}
